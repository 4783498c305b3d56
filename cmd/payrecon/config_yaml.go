package main

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"payrecon/internal/payout"
)

// decoder lays one YAML file over a configuration that holds the defaults. The YAML library parses; the walk from its
// nodes to our fields is ours for three reasons: every error names file, line, the whole key and the nearest known one;
// each value's line is kept for later messages; and scalars are taken as they are written, so that an amount of 0.10
// never passes through a floating-point number and a column may be called 3 or no.
type decoder struct {
	file    string
	origins map[string]string
}

// decodeConfig reads text, the content of file, into c.
func decodeConfig(c *config, file string, text []byte) error {
	tree, err := parser.ParseBytes(text, 0)
	if err != nil {
		return syntaxError(file, err)
	}
	d := &decoder{file: file, origins: c.origins}
	var bodies []ast.Node
	for _, doc := range tree.Docs {
		if doc.Body != nil && doc.Body.Type() != ast.CommentType {
			bodies = append(bodies, doc.Body)
		}
	}
	switch len(bodies) {
	case 0:
		return nil
	case 1:
		return d.decode(bodies[0], reflect.ValueOf(c).Elem(), "", "")
	}
	return d.errorf(bodies[1], "", "a second document (---) in the file: want one")
}

func syntaxError(file string, err error) error {
	var y yaml.Error
	if errors.As(err, &y) && y.GetToken() != nil {
		return payout.Errorf(payout.KindInput, "%s:%d: not valid YAML: %s", file, y.GetToken().Position.Line, y.GetMessage())
	}
	return payout.Errorf(payout.KindInput, "%s: not valid YAML", file)
}

func (d *decoder) errorf(n ast.Node, key, format string, args ...any) error {
	if key != "" {
		format = "%s: " + format
		args = append([]any{key}, args...)
	}
	return payout.Errorf(payout.KindInput, "%s:%d: %s", d.file, lineOf(n), fmt.Sprintf(format, args...))
}

func lineOf(n ast.Node) int {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 0
}

// decode stores n in to. key is the way to the value, such as ledger.columns.ref_id; allow lists what it may be.
func (d *decoder) decode(n ast.Node, to reflect.Value, key, allow string) error {
	switch n.(type) {
	case *ast.NullNode:
		return nil // a key without a value keeps the default
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		return d.errorf(n, key, "anchors, aliases and tags are not read: write the value out")
	}
	if to.Kind() == reflect.Pointer {
		value := reflect.New(to.Type().Elem())
		to.Set(value)
		return d.decode(n, value.Elem(), key, allow)
	}
	d.origins[key] = fmt.Sprintf("%s:%d", d.file, lineOf(n))
	switch v := to.Addr().Interface().(type) {
	case *filterRule:
		if _, isMap := n.(ast.MapNode); !isMap {
			return d.decode(n, reflect.ValueOf(&v.In).Elem(), key, "")
		}
	case *amounts:
		return d.decodeAmounts(n, v, key)
	case encoding.TextUnmarshaler:
		if seq, isList := n.(*ast.SequenceNode); isList && to.Kind() == reflect.Slice {
			return d.decodeList(seq, to, key, allow)
		}
		text, err := d.scalar(n, key)
		if err != nil {
			return err
		}
		if err := v.UnmarshalText([]byte(text)); err != nil {
			return d.errorf(n, key, "%v", err)
		}
		return nil
	}
	return d.decodeKind(n, to, key, allow)
}

func (d *decoder) decodeKind(n ast.Node, to reflect.Value, key, allow string) error {
	switch to.Kind() {
	case reflect.Struct:
		return d.decodeStruct(n, to, key)
	case reflect.Map:
		return d.decodeMap(n, to, key)
	case reflect.Slice:
		seq, isList := n.(*ast.SequenceNode)
		if !isList { // one item stands for a list of one
			item := reflect.New(to.Type().Elem()).Elem()
			if err := d.decode(n, item, key, allow); err != nil {
				return err
			}
			to.Set(reflect.Append(reflect.MakeSlice(to.Type(), 0, 1), item))
			return nil
		}
		return d.decodeList(seq, to, key, allow)
	}
	text, err := d.scalar(n, key)
	if err != nil {
		return err
	}
	switch to.Kind() {
	case reflect.Bool:
		if text != "true" && text != "false" {
			return d.errorf(n, key, "%q is neither true nor false", text)
		}
		to.SetBool(text == "true")
	case reflect.Int:
		number, err := strconv.Atoi(text)
		if err != nil {
			return d.errorf(n, key, "%q is not a whole number", text)
		}
		to.SetInt(int64(number))
	default:
		allowed := strings.Split(allow, "|")
		if allow != "" && !slices.Contains(allowed, text) {
			return d.errorf(n, key, "%q is not known here%s (want %s)", text, didYouMean(text, allowed), strings.Join(allowed, " or "))
		}
		to.SetString(text)
	}
	return nil
}

func (d *decoder) decodeList(seq *ast.SequenceNode, to reflect.Value, key, allow string) error {
	list := reflect.MakeSlice(to.Type(), len(seq.Values), len(seq.Values))
	for i, n := range seq.Values {
		place := fmt.Sprintf("%s[%d]", key, i)
		if n.Type() == ast.NullType {
			return d.errorf(n, place, `an empty item: remove it, or write ""`)
		}
		if err := d.decode(n, list.Index(i), place, allow); err != nil {
			return err
		}
	}
	to.Set(list)
	return nil
}

func (d *decoder) decodeStruct(n ast.Node, to reflect.Value, key string) error {
	m, isMap := n.(ast.MapNode)
	if !isMap {
		return d.errorf(n, key, "want keys with values (%s)", strings.Join(keysOf(to.Type()), ", "))
	}
	for it := m.MapRange(); it.Next(); {
		name := it.Key().GetToken().Value
		field, ok := fieldOf(to.Type(), name)
		if !ok {
			known := keysOf(to.Type())
			return d.errorf(it.Key(), "", "unknown key %q%s (known here: %s)", join(key, name), didYouMean(name, known), strings.Join(known, ", "))
		}
		if err := d.decode(it.Value(), to.FieldByIndex(field.Index), join(key, name), field.Tag.Get("allow")); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) decodeMap(n ast.Node, to reflect.Value, key string) error {
	m, isMap := n.(ast.MapNode)
	if !isMap {
		return d.errorf(n, key, "want names with values")
	}
	out := reflect.MakeMap(to.Type())
	for it := m.MapRange(); it.Next(); {
		name := it.Key().GetToken().Value
		value := reflect.New(to.Type().Elem()).Elem()
		if err := d.decode(it.Value(), value, join(key, name), ""); err != nil {
			return err
		}
		out.SetMapIndex(reflect.ValueOf(name), value)
	}
	to.Set(out)
	return nil
}

func (d *decoder) decodeAmounts(n ast.Node, to *amounts, key string) error {
	m, isMap := n.(ast.MapNode)
	if !isMap {
		return d.errorf(n, key, `want one amount per currency, such as {EUR: "0.05"}`)
	}
	*to = amounts{}
	for it := m.MapRange(); it.Next(); {
		name := it.Key().GetToken().Value
		place := join(key, name)
		text, err := d.scalar(it.Value(), place)
		if err != nil {
			return err
		}
		d.origins[place] = fmt.Sprintf("%s:%d", d.file, lineOf(it.Value()))
		if err := to.set(name, text); err != nil {
			return d.errorf(it.Value(), place, "%v", err)
		}
	}
	return nil
}

// scalar returns the text of a single value as it stands in the file, without quotes.
func (d *decoder) scalar(n ast.Node, key string) (string, error) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, nil
	case *ast.LiteralNode:
		return v.Value.Value, nil
	case ast.MapNode, *ast.SequenceNode:
		return "", d.errorf(n, key, "want a single value here")
	case ast.ScalarNode:
		return n.GetToken().Value, nil
	}
	return "", d.errorf(n, key, "want a single value here")
}

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

// yamlName returns the key of a field, "" for one that is no part of the file.
func yamlName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return name
}

func fieldOf(t reflect.Type, name string) (reflect.StructField, bool) {
	for f := range t.Fields() {
		if n := yamlName(f); n != "" && n == name {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

func keysOf(t reflect.Type) []string {
	var keys []string
	for f := range t.Fields() {
		if n := yamlName(f); n != "" {
			keys = append(keys, n)
		}
	}
	return keys
}

func didYouMean(name string, known []string) string {
	if near := nearest(name, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// nearest returns the one of names with the fewest edits to name, or "" when none is near enough to be meant: more than
// half of its letters, and more than two of them, would have to change.
func nearest(name string, names []string) string {
	type candidate struct {
		name  string
		edits int
	}
	fold := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "-", "_")) }
	var all []candidate
	for _, n := range names {
		if edits := editDistance(fold(name), fold(n)); edits <= max(2, len(n)/2) && edits < len(n) {
			all = append(all, candidate{n, edits})
		}
	}
	if len(all) == 0 {
		return ""
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].edits < all[j].edits })
	return all[0].name
}

// editDistance counts the insertions, deletions, substitutions and swaps of neighbours that lead from a to b.
func editDistance(a, b string) int {
	s, t := []rune(a), []rune(b)
	rows := make([][]int, len(s)+1)
	for i := range rows {
		rows[i] = make([]int, len(t)+1)
		rows[i][0] = i
	}
	for j := range t {
		rows[0][j+1] = j + 1
	}
	for i := 1; i <= len(s); i++ {
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			best := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				best = min(best, rows[i-2][j-2]+1)
			}
			rows[i][j] = best
		}
	}
	return rows[len(s)][len(t)]
}
