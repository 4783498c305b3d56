package payapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

const fullPayout = `{
  "id": "po:1:2", "memberId": "m:1:2", "createdDateTime": "2026-03-04T05:06:07.089+00:00",
  "updatedDateTime": "2026-03-04T06:06:07.000+01:00", "status": "INITIATION_PROCESSING",
  "bankTransactionId": "bt-1", "bankPaymentStatus": "ACPC", "statusReasonInformation": "at \"the\" bank \u00e9\ud83d\ude00",
  "initiation": {
    "refId": "INV-1", "amount": {"value": "10.2300", "currency": "EUR"}, "description": "INVOICE 1",
    "debtor": {"accountId": "a:1"},
    "creditor": {"name": "N", "ultimateCreditorName": "U", "bankName": "B", "iban": "DE89370400440532013000",
      "bic": "COBADEFF", "accountNumber": "12345678", "sortCode": 60161, "accountVerificationId": "v"},
    "new": [1, {"deep": null}]
  }
}`

func TestDecodeReadsEveryDocumentedField(t *testing.T) {
	got, err := Decode([]byte(fullPayout))
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Raw) != fullPayout {
		t.Errorf("Raw = %s, want what came", got.Raw)
	}
	got.Raw, got.Hash = nil, [16]byte{}
	want := payout.Payout{
		ID: "po:1:2", MemberID: "m:1:2", Created: 1772600767089, Updated: 1772600767000, Status: payout.Processing,
		Reason: "at \"the\" bank é😀", BankStatus: "ACPC", BankTransactionID: "bt-1",
		RefID: "INV-1", Amount: money.New(102300, "EUR"), Description: "INVOICE 1", DebtorAccount: "a:1",
		Creditor: payout.Creditor{
			Name: "N", UltimateName: "U", BankName: "B", IBAN: "DE89370400440532013000", BIC: "COBADEFF",
			AccountNumber: "12345678", SortCode: "060161", VerificationID: "v",
		},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(money.Amount{})); diff != "" {
		t.Errorf("Decode (-want +got):\n%s", diff)
	}
}

func TestDecodeIsLenient(t *testing.T) {
	none := money.New(0, money.NoCurrency)
	tests := []struct {
		name, members string // besides id and createdDateTime
		check         func(p payout.Payout) (got, want any)
	}{
		{"no status", ``, func(p payout.Payout) (any, any) { return p.Status, payout.Status("") }},
		{"unknown status", `"status":"INITIATION_ODD"`, func(p payout.Payout) (any, any) { return p.Status, payout.Status("INITIATION_ODD") }},
		{"null status", `"status":null`, func(p payout.Payout) (any, any) { return p.Status, payout.Status("") }},
		{"no initiation", ``, func(p payout.Payout) (any, any) { return p.Amount, none }},
		{"null initiation", `"initiation":null`, func(p payout.Payout) (any, any) { return p.Amount, none }},
		{"initiation is a list", `"initiation":[{"refId":"x"}]`, func(p payout.Payout) (any, any) { return p.RefID, "" }},
		{"no amount", `"initiation":{"refId":"r"}`, func(p payout.Payout) (any, any) { return p.Amount, none }},
		{"amount is text", `"initiation":{"amount":"10.23 EUR"}`, func(p payout.Payout) (any, any) { return p.Amount, none }},
		{"value is a number", `"initiation":{"amount":{"value":10.10,"currency":"EUR"}}`, func(p payout.Payout) (any, any) { return p.Amount, money.New(101000, "EUR") }},
		{"value in exponents", `"initiation":{"amount":{"value":1e3,"currency":"EUR"}}`, func(p payout.Payout) (any, any) { return p.Amount, none }},
		{"five decimals", `"initiation":{"amount":{"value":"1.00001","currency":"EUR"}}`, func(p payout.Payout) (any, any) { return p.Amount, none }},
		{"too large", `"initiation":{"amount":{"value":"922337203685478","currency":"EUR"}}`, func(p payout.Payout) (any, any) { return p.Amount, none }},
		{"no currency", `"initiation":{"amount":{"value":"1.00"}}`, func(p payout.Payout) (any, any) { return p.Amount, none }},
		{"currency is no code", `"initiation":{"amount":{"value":"1.00","currency":"EURO"}}`, func(p payout.Payout) (any, any) { return p.Amount, none }},
		{"currency of separators", `"initiation":{"amount":{"value":"1.00","currency":"\u001f\u001e\u001d"}}`, func(p payout.Payout) (any, any) { return p.Amount, none }},
		{"small letters", `"initiation":{"amount":{"value":"1","currency":"eur"}}`, func(p payout.Payout) (any, any) { return p.Amount, money.New(10000, "EUR") }},
		{"sort code as text", `"initiation":{"creditor":{"sortCode":"12-34-56"}}`, func(p payout.Payout) (any, any) { return p.Creditor.SortCode, "12-34-56" }},
		{"sort code as number", `"initiation":{"creditor":{"sortCode":123456}}`, func(p payout.Payout) (any, any) { return p.Creditor.SortCode, "123456" }},
		{"sort code that lost zeros", `"initiation":{"creditor":{"sortCode":400}}`, func(p payout.Payout) (any, any) { return p.Creditor.SortCode, "000400" }},
		{"account number as number", `"initiation":{"creditor":{"accountNumber":12345678}}`, func(p payout.Payout) (any, any) { return p.Creditor.AccountNumber, "12345678" }},
		{"reference as number", `"initiation":{"refId":17}`, func(p payout.Payout) (any, any) { return p.RefID, "17" }},
		{"creditor is text", `"initiation":{"creditor":"x","debtor":"y"}`, func(p payout.Payout) (any, any) { return p.DebtorAccount, "" }},
		{"no update time", ``, func(p payout.Payout) (any, any) { return p.Updated, p.Created }},
		{"odd update time", `"updatedDateTime":"soon"`, func(p payout.Payout) (any, any) { return p.Updated, p.Created }},
		{"no update time is said", ``, func(p payout.Payout) (any, any) { return p.Undated, true }},
		{"an odd update time is said", `"updatedDateTime":"01/04/2026 12:00"`, func(p payout.Payout) (any, any) { return p.Undated, true }},
		{"an update time at the creation", `"updatedDateTime":"2026-03-04T05:06:07Z"`, func(p payout.Payout) (any, any) { return p.Undated, false }},
		{"half a surrogate", `"statusReasonInformation":"x\ud800y"`, func(p payout.Payout) (any, any) { return p.Reason, "x\uFFFDy" }},
		{"bytes that are not UTF-8", "\"statusReasonInformation\":\"x\xffy\"", func(p payout.Payout) (any, any) { return p.Reason, "x\uFFFDy" }},
		{"escaped names", `"st\u0061tus":"INITIATION_FAILED"`, func(p payout.Payout) (any, any) { return p.Status, payout.Failed }},
		{"names in other letters are other names", `"STATUS":"x"`, func(p payout.Payout) (any, any) { return p.Status, payout.Status("") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw := `{"id":"po:1","createdDateTime":"2026-03-04T05:06:07Z"`
			if tt.members != "" {
				raw += "," + tt.members
			}
			raw += "}"
			p, err := Decode([]byte(raw))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := tt.check(p); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
			if string(p.Raw) != raw {
				t.Errorf("Raw = %q, want %q", p.Raw, raw)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	tests := []struct{ name, raw, want string }{
		{"no id", `{"createdDateTime":"2026-03-04T05:06:07Z"}`, "no id"},
		{"blank id", `{"id":" ","createdDateTime":"2026-03-04T05:06:07Z"}`, "no id"},
		{"no creation", `{"id":"po:7"}`, "payout po:7: createdDateTime"},
		{"odd creation", `{"id":"po:7","createdDateTime":"yesterday"}`, `"yesterday" is not a time`},
		{"a list", `[1]`, "not an object"},
		{"text after it", `{"id":"po:7","createdDateTime":"2026-03-04"} x`, "text after the end"},
		{"a member twice", `{"id":"po:7","id":"po:8","createdDateTime":"2026-03-04"}`, `"id" occurs twice`},
		{"a member twice, once escaped", `{"id":"po:7","\u0069d":"po:8","createdDateTime":"2026-03-04"}`, `"id" occurs twice`},
		{"a deep member twice", `{"id":"po:7","createdDateTime":"2026-03-04","initiation":{"amount":{"value":"1","value":"2"}}}`, `"value" occurs twice`},
		{"too deep", `{"id":"po:7","x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, "levels"},
		{"too many", `{"id":"po:7","x":[` + strings.Repeat("1,", 1<<15) + `1]}`, "more than 32768 values"},
		{"a control character", "{\"id\":\"po\n7\"}", "control character"},
		{"a bad escape", `{"id":"\x"}`, "unknown escape"},
		{"a bad \\u", `{"id":"\u12g4"}`, "hexadecimal"},
		{"a bad number", `{"id":01}`, "want"},
		{"a bad word", `{"id":nul}`, "want null"},
		{"a comma too many", `{"id":"1",}`, "name of a member"},
		{"torn", `{"id":"po:7","createdDa`, "ends early"},
		{"torn in an escape", `{"id":"\`, "ends early"},
		{"empty", ``, "ends early"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Decode([]byte(tt.raw)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestDecodePage(t *testing.T) {
	one := `{"id":"po:1","createdDateTime":"2026-03-04T05:06:07Z"}`
	tests := []struct {
		name, body string
		rows       int
		next, want string
	}{
		{"one", `{"payouts":[` + one + `],"paging":{"limit":200,"offset":"abc"}}`, 1, "abc", ""},
		{"none", `{"payouts":[],"paging":{"limit":200}}`, 0, "", ""},
		{"no paging", ` {"payouts" : [ ` + one + ` ] } ` + "\n", 1, "", ""},
		{"paging is nonsense", `{"paging":17,"payouts":[` + one + `]}`, 1, "", ""},
		{"cursor is null", `{"paging":{"offset":null},"payouts":[]}`, 0, "", ""},
		{"cursor is a number", `{"paging":{"limit":"many","offset":17},"payouts":[]}`, 0, "17", ""},
		{"unknown members", `{"x":{"payouts":[]},"payouts":[],"y":[[]]}`, 0, "", ""},
		{"no payouts", `{"paging":{"limit":200}}`, 0, "", "no payouts array"},
		{"an empty object", `{}`, 0, "", "no payouts array"},
		{"payouts is null", `{"payouts":null}`, 0, "", "payouts is not an array"},
		{"payouts is an object", `{"payouts":{}}`, 0, "", "payouts is not an array"},
		{"payouts twice", `{"payouts":[],"payouts":[]}`, 0, "", "occurs twice"},
		{"paging twice", `{"payouts":[],"paging":{"offset":"a","offset":"b"}}`, 0, "", "occurs twice"},
		{"a row that is none", `{"payouts":[` + one + `,null]}`, 0, "", "payout 2 of the page"},
		{"an error", `{"error":{"message":"x"}}`, 0, "", "no payouts array"},
		{"trailing garbage", `{"payouts":[]}{}`, 0, "", "text after the end"},
		{"torn", `{"payouts":[` + one + `,`, 0, "", "ends early"},
		{"torn at the end", `{"payouts":[` + one + `]`, 0, "", "ends early"},
		{"nothing", ``, 0, "", "the answer is empty"},
		{"HTML", `<html>log in</html>`, 0, "", "HTML page"},
		{"a list", `[]`, 0, "", "not a JSON object"},
		{"too many rows", `{"payouts":[` + strings.Repeat(one+",", maxRows) + one + `]}`, 0, "", "more than 10000 payouts"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rows, next, err := decodePage([]byte(tt.body), "sub")
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error = %v, want one with %q", err, tt.want)
				}
				return
			}
			if err != nil || len(rows) != tt.rows || next != tt.next {
				t.Fatalf("decodePage = %d rows, %q, %v, want %d, %q", len(rows), next, err, tt.rows, tt.next)
			}
			for _, r := range rows {
				if r.OnBehalfOf != "sub" || string(r.Raw) != one {
					t.Errorf("row %+v, want OnBehalfOf sub and Raw %s", r, one)
				}
			}
		})
	}
}

// A torn page says so at every byte: the retry depends on it.
func TestEveryTornPageIsTorn(t *testing.T) {
	body := []byte(`{"payouts":[` + fullPayout + `],"paging":{"limit":200,"offset":"x"},"n":-1.5e+3,"t":true}`)
	for n := range body {
		if _, _, err := decodePage(body[:n], ""); !errors.Is(err, errTorn) {
			t.Errorf("cut at %d of %d: error = %v, want that it ends early", n, len(body), err)
		}
	}
}

// What encoding/json accepts as one payout, Decode accepts, and nothing else: but for duplicates and the bounds.
func FuzzDecodePage(f *testing.F) {
	f.Add([]byte(`{"payouts":[` + fullPayout + `],"paging":{"limit":200,"offset":"x"}}`))
	f.Add([]byte(`{"payouts":[],"paging":{}}`))
	f.Add([]byte(`{"payouts":null}`))
	f.Add([]byte(`{"payouts":[{"id":"\ud83d\ude00","createdDateTime":"2026-03-04"}]} `))
	f.Add([]byte("{\"a\":-0.0e-0,\"payouts\":[\xff]}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		rows, _, err := decodePage(body, "")
		if err != nil {
			return
		}
		if !json.Valid(body) {
			t.Fatalf("accepted %q, which is not JSON", body)
		}
		for _, r := range rows {
			again, err := Decode(r.Raw)
			if err != nil || again.Hash != r.Hash || again.ID != r.ID || again.Amount != r.Amount || again.Created != r.Created {
				t.Fatalf("Raw %q decodes to %+v, %v, want %+v", r.Raw, again, err, r)
			}
		}
	})
}

func testPage(rows int) []byte {
	var b strings.Builder
	b.WriteString(`{"payouts":[`)
	for i := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"po:28oivvd3iFhBrcbNj4tmtLEh%05d:2gFUX1NE1T6","memberId":"m:3jxhKzjF4RXT5tvKNXLACxmro4wA:5zKtXEAq",`+
			`"createdDateTime":"2026-03-04T05:06:07.%03d+00:00","updatedDateTime":"2026-03-04T06:06:07.000+00:00","status":"INITIATION_COMPLETED",`+
			`"bankTransactionId":"2UhwCZ3BMaEcAUK8bZdukor7NL4tH6TBuu6aJMp5KKfX:5zKcENpV","bankPaymentStatus":"ACSC","statusReasonInformation":"The payment is settled on debtor side.",`+
			`"initiation":{"refId":"INV%07d","amount":{"value":"%d.%02d","currency":"EUR"},"description":"INVOICE %d","debtor":{"accountId":"a:12345"},`+
			`"creditor":{"name":"Example Payee %d","bankName":"Example Bank","iban":"DE89370400440532013000","bic":"COBADEFFXXX","accountVerificationId":"av:%d"}}}`,
			i, i%1000, i, i*7, i%100, i, i, i)
	}
	b.WriteString(`],"paging":{"limit":200,"offset":"LerV6Jmex"}}`)
	return []byte(b.String())
}

func BenchmarkDecodePage(b *testing.B) {
	body := testPage(200)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if rows, _, err := decodePage(body, ""); err != nil || len(rows) != 200 {
			b.Fatal(len(rows), err)
		}
	}
	b.ReportMetric(float64(200*b.N)/b.Elapsed().Seconds(), "rows/s")
}
