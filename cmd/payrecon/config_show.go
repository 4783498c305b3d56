package main

import (
	"encoding"
	"fmt"
	"reflect"
	"sort"
	"strings"

	"github.com/goccy/go-yaml"
)

// effective returns the configuration as YAML, after defaults, file, environment and flags. It can be read back. Secrets
// are not in it: only the references to them. Equal configurations give equal text, so it can be hashed and compared.
func (c *config) effective() string {
	text, err := yaml.MarshalWithOptions(c, yaml.Indent(2), yaml.IndentSequence(true))
	if err != nil {
		return fmt.Sprintf("# the configuration cannot be shown: %v\n", err)
	}
	return string(text)
}

// configValue is one value and where it comes from.
type configValue struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin"` // payrecon.yaml:12, environment PAYRECON_DB, --db, or default
}

// values lists every value that is set, in the order of the file; maps by key.
func (c *config) values() []configValue {
	var out []configValue
	c.collect(reflect.ValueOf(c).Elem(), "", &out)
	return out
}

func (c *config) collect(v reflect.Value, key string, out *[]configValue) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		if text, err := m.MarshalText(); err == nil {
			c.appendValue(out, key, string(text))
		}
		return
	}
	if a, ok := v.Interface().(amounts); ok {
		shown, _ := a.MarshalYAML()
		c.collect(reflect.ValueOf(shown), key, out)
		return
	}
	if w, ok := v.Interface().(words); ok {
		c.appendValue(out, key, strings.Join(w, " "))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for f := range v.Type().Fields() {
			if name := yamlName(f); name != "" {
				c.collect(v.FieldByIndex(f.Index), join(key, name), out)
			}
		}
	case reflect.Map:
		keys := v.MapKeys()
		sort.Slice(keys, func(i, j int) bool { return keys[i].String() < keys[j].String() })
		for _, k := range keys {
			c.collect(v.MapIndex(k), join(key, k.String()), out)
		}
	case reflect.Slice:
		if v.Len() > 0 && v.Index(0).Kind() == reflect.Struct {
			for i := range v.Len() {
				c.collect(v.Index(i), fmt.Sprintf("%s[%d]", key, i), out)
			}
			return
		}
		var parts []string
		for i := range v.Len() {
			parts = append(parts, fmt.Sprint(v.Index(i).Interface()))
		}
		c.appendValue(out, key, strings.Join(parts, ", "))
	default:
		c.appendValue(out, key, fmt.Sprint(v.Interface()))
	}
}

func (c *config) appendValue(out *[]configValue, key, value string) {
	if value == "" {
		return
	}
	origin := c.origins[key]
	if origin == "" {
		origin = "default"
	}
	*out = append(*out, configValue{key, value, origin})
}
