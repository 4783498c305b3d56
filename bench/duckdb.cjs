// DuckDB's own engine, through its Node binding. For pairing.sh it pairs two CSVs, and prints: agreed, other amount, only
// payout, only entry. For export.sh it runs a query and prints the rows.
//
//	npm install --prefix FOLDER @duckdb/node-api
//	NODE_PATH=FOLDER/node_modules node bench/duckdb.cjs csv    payouts and ledger from CSV
//	NODE_PATH=FOLDER/node_modules node bench/duckdb.cjs load   payouts.csv into duck.db, once
//	NODE_PATH=FOLDER/node_modules node bench/duckdb.cjs table  payouts from duck.db, ledger from CSV
//	NODE_PATH=FOLDER/node_modules node bench/duckdb.cjs query FILE.sql
const { readFileSync } = require('fs');
const { DuckDBInstance } = require('@duckdb/node-api');

const payouts = `read_csv('payouts.csv', header = true, auto_detect = false, delim = ',', quote = '"', columns = {
  ref_id: 'VARCHAR', amount: 'DECIMAL(18,4)', currency: 'VARCHAR', status: 'VARCHAR'})`;
const ledger = `read_csv('ledger.csv', header = true, auto_detect = false, delim = ',', quote = '"', columns = {
  ref_id: 'VARCHAR', amount: 'DECIMAL(18,4)', currency: 'VARCHAR', status: 'VARCHAR', date: 'DATE', text: 'VARCHAR'})`;

async function main(how, query) {
  const file = how === 'csv' || how === 'query' ? ':memory:' : 'duck.db';
  const instance = await DuckDBInstance.create(file, how === 'table' ? { access_mode: 'READ_ONLY' } : {});
  const connection = await instance.connect();
  if (how === 'query') {
    const rows = await connection.runAndReadAll(readFileSync(query, 'utf8'));
    for (const row of rows.getRows()) console.log(row.join(' '));
    return;
  }
  if (how === 'load') {
    await connection.run(`CREATE TABLE payouts AS SELECT * FROM ${payouts}`);
    return;
  }
  const result = await connection.runAndReadAll(`
    SELECT count(*) FILTER (p.amount = l.amount), count(*) FILTER (p.amount <> l.amount),
      count(*) FILTER (l.ref_id IS NULL), count(*) FILTER (p.ref_id IS NULL)
    FROM ${how === 'csv' ? payouts : 'payouts'} p FULL OUTER JOIN ${ledger} l ON p.ref_id = l.ref_id`);
  console.log(result.getRows()[0].join(' '));
}

main(process.argv[2], process.argv[3]).catch((err) => {
  console.error(String(err));
  process.exit(1);
});
