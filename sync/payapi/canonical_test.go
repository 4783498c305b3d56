package payapi

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestHashIsOfTheContent(t *testing.T) {
	hash := func(raw string) [16]byte {
		t.Helper()
		p, err := Decode([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		return p.Hash
	}
	const base = `{"id":"po:1","createdDateTime":"2026-03-04","n":{"a":1.0,"b":[true,null]},"s":"é\n"}`
	for _, same := range []string{
		"{ \"s\" : \"é\\n\", \"n\":{\"b\": [true , null],\"a\":1.0},\n\"createdDateTime\":\"2026-03-04\", \"id\":\"po:1\"}",
		`{"id":"po:1","createdDateTime":"2026-03-04","n":{"a":1.0,"b":[true,null]},"\u0073":"\u00e9\u000A"}`,
	} {
		if hash(same) != hash(base) {
			t.Errorf("the hash of %s differs, want equal", same)
		}
	}
	for _, other := range []string{
		`{"id":"po:1","createdDateTime":"2026-03-04","n":{"a":1,"b":[true,null]},"s":"é\n"}`,
		`{"id":"po:1","createdDateTime":"2026-03-04","n":{"a":1.0,"b":[null,true]},"s":"é\n"}`,
		`{"id":"po:1","createdDateTime":"2026-03-04","n":{"a":"1.0","b":[true,null]},"s":"é\n"}`,
		`{"id":"po:1","createdDateTime":"2026-03-04","n":{"a":1.0,"b":[true,null]},"s":"é\n","x":null}`,
	} {
		if hash(other) == hash(base) {
			t.Errorf("the hash of %s is equal, want another", other)
		}
	}
}

// The canonical form is JSON of the same value, sorted, and its own canonical form.
func TestCanonicalProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := anyJSON(t, 3)
		plain, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		indented, err := json.MarshalIndent(value, " ", "\t")
		if err != nil {
			t.Fatal(err)
		}
		form := canonicalOf(t, plain)
		if again := canonicalOf(t, indented); !bytes.Equal(form, again) {
			t.Errorf("canonical form of %s = %s, of its indented form %s", plain, form, again)
		}
		if again := canonicalOf(t, form); !bytes.Equal(form, again) {
			t.Errorf("canonical form of %s = %s, want itself", form, again)
		}
		var back any
		if err := json.Unmarshal(form, &back); err != nil {
			t.Fatalf("canonical form %s: %v", form, err)
		}
		if sorted, err := json.Marshal(back); err != nil || !jsonEqual(sorted, plain) {
			t.Errorf("canonical form %s reads as %s, want %s", form, sorted, plain)
		}
	})
}

func canonicalOf(t *rapid.T, raw []byte) []byte {
	s := newScanner(raw)
	if err := s.value(); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	if _, err := s.hash(); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return bytes.Clone(s.canon)
}

func jsonEqual(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && cmp.Equal(x, y)
}

func anyJSON(t *rapid.T, depth int) any {
	kind := rapid.IntRange(0, 5).Draw(t, "kind")
	if depth == 0 {
		kind %= 4
	}
	switch kind {
	case 0:
		return rapid.SampledFrom([]any{nil, true, false}).Draw(t, "word")
	case 1:
		return rapid.Int64Range(-1<<50, 1<<50).Draw(t, "number")
	case 4:
		list := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			list = append(list, anyJSON(t, depth-1))
		}
		return list
	case 5:
		object := map[string]any{}
		for range rapid.IntRange(0, 4).Draw(t, "members") {
			object[rapid.StringN(0, 4, -1).Draw(t, "name")] = anyJSON(t, depth-1)
		}
		return object
	}
	return rapid.String().Draw(t, "string")
}

func FuzzScannerAgreesWithEncodingJSON(f *testing.F) {
	f.Add([]byte(fullPayout))
	f.Add([]byte(`[1,-2.5e3,"\u00e9\\",true,null,{"a":{}}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s := newScanner(text)
		err := s.value()
		if err == nil {
			err = s.end()
		}
		if bounds := err != nil && (strings.Contains(err.Error(), "levels") || strings.Contains(err.Error(), "more than")); bounds {
			return
		}
		if valid := json.Valid(text); valid != (err == nil) {
			t.Errorf("%q: error = %v, encoding/json says valid = %v", text, err, valid)
		}
	})
}
