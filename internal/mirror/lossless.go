package mirror

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"unicode/utf8"
)

// What people wrote into a ledger may be any bytes, and the summary of a run quotes them. JSON replaces bytes that are not
// UTF-8 by U+FFFD, so a document is stored with the texts it would damage beside it: each by its place in the walk over all
// texts of the value, in the order of fields and elements. Nearly every document has none.

// document is a value as stored.
type document struct {
	Value   json.RawMessage `json:"value"`
	Damaged []damaged       `json:"damaged,omitempty"`
}

// damaged is one text that JSON cannot hold.
type damaged struct {
	Place int    `json:"place"` // number of texts before it in the walk
	Bytes []byte `json:"bytes"`
}

// marshalLossless returns v as JSON out of which unmarshalLossless makes an equal value, whatever bytes its texts hold. v
// is a pointer to a struct or a slice; texts inside maps and inside types that marshal themselves have to be UTF-8.
func marshalLossless(v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := document{Value: body}
	if bytes.Contains(body, []byte(`\ufffd`)) { // how encoding/json writes what it replaced
		place := 0
		walkTexts(reflect.ValueOf(v), func(text reflect.Value) {
			if s := text.String(); !utf8.ValidString(s) {
				d.Damaged = append(d.Damaged, damaged{place, []byte(s)})
			}
			place++
		})
	}
	return json.Marshal(d)
}

// unmarshalLossless reads what marshalLossless wrote into the pointer v.
func unmarshalLossless(body []byte, v any) error {
	var d document
	if err := json.Unmarshal(body, &d); err != nil {
		return fmt.Errorf("stored document: %w", err)
	}
	if err := json.Unmarshal(d.Value, v); err != nil {
		return fmt.Errorf("stored document: %w", err)
	}
	if len(d.Damaged) == 0 {
		return nil
	}
	place, left := 0, d.Damaged
	walkTexts(reflect.ValueOf(v), func(text reflect.Value) {
		if len(left) > 0 && left[0].Place == place {
			text.SetString(string(left[0].Bytes))
			left = left[1:]
		}
		place++
	})
	if len(left) > 0 {
		return fmt.Errorf("stored document: no text at place %d", left[0].Place)
	}
	return nil
}

// walkTexts calls visit for every text reachable from v through pointers, exported fields and slices, in their order.
func walkTexts(v reflect.Value, visit func(reflect.Value)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			walkTexts(v.Elem(), visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			walkTexts(v.Index(i), visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				walkTexts(v.Field(i), visit)
			}
		}
	case reflect.String:
		visit(v)
	}
}
