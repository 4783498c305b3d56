//go:build ignore

// Grow makes a mirror of many payouts out of one of few: a copy in which every payout, its versions and its place in the
// index of ids stand several times, each time with another id and reference. So that growth can be measured where
// reading as many through an API would take hours.
//
//	go run bench/grow.go MIRROR.db TIMES GROWN.db
package main

import (
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"strconv"

	"modernc.org/sqlite"

	"payrecon/internal/payout"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: go run bench/grow.go MIRROR.db TIMES GROWN.db")
	}
	times, err := strconv.Atoi(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	if err := grow(os.Args[1], times, os.Args[3]); err != nil {
		log.Fatal(err)
	}
}

// copies says how a table's rows are copied for the k-th time; %[1]d = k, %[2]d = the highest n, %[3]d = the highest seq.
var copies = []string{
	`INSERT INTO payouts SELECT n + %[1]d * %[2]d, replace(id, 'po:', 'po:%[1]d'), ref_id || '-%[1]d', account, units, currency, status, created, changed,
		on_behalf_of, final, seq + %[1]d * %[3]d, last + %[1]d * %[3]d FROM payouts WHERE n <= %[2]d`,
	`INSERT INTO payout_versions SELECT seq + %[1]d * %[3]d, payout + %[1]d * %[2]d, previous + %[1]d * %[3]d, applied, hash, updated, asked, run, status,
		on_behalf_of, member, debtor_account, payee, description, reason, bank_status, bank_transaction_id, raw FROM payout_versions WHERE seq <= %[3]d`,
}

func grow(from string, times int, to string) error {
	err := sqlite.RegisterDeterministicScalarFunction("index_key", 1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		h := payout.HashID(args[0].(string))
		return int64(binary.LittleEndian.Uint64(h[:8])), nil
	})
	if err != nil {
		return err
	}
	source, err := sql.Open("sqlite", "file:"+from+"?mode=ro")
	if err != nil {
		return err
	}
	defer source.Close()
	if _, err := source.Exec("VACUUM INTO ?", to); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", to)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -500000"); err != nil {
		return err
	}
	var n, seq int64
	if err := db.QueryRow("SELECT (SELECT max(n) FROM payouts), (SELECT max(seq) FROM payout_versions)").Scan(&n, &seq); err != nil {
		return err
	}
	for k := 1; k < times; k++ {
		for _, statement := range copies {
			if _, err := db.Exec(fmt.Sprintf(statement, k, n, seq)); err != nil {
				return err
			}
		}
	}
	_, err = db.Exec(fmt.Sprintf(`UPDATE payout_days SET count = count * %[1]d, units = units * %[1]d;
		UPDATE meta SET value = CAST(value AS INTEGER) + %[2]d WHERE name = 'summed_through';
		DELETE FROM payout_ids;
		INSERT INTO payout_ids SELECT index_key(id), n FROM payouts ORDER BY 1, 2;
		UPDATE meta SET value = (SELECT max(n) FROM payouts) WHERE name = 'ids_through';
		PRAGMA journal_mode = WAL`, times, int64(times-1)*seq))
	return err
}
