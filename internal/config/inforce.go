package config

import (
	"cmp"
	"fmt"
	"net/netip"
	"reflect"
	"regexp"
	"strings"
	"time"
	"unicode"

	"dcs_session_exporter/dcsapi"
)

// Setting is a value of the configuration, with its path in the file.
type Setting struct{ Name, Value string }

// InForce returns all values of the configuration, defaults included, in the order
// of Config's fields. Secrets are cut out: a value that could hold one is shown as
// set or not, and a secret from a file by the file's name.
func (c *Config) InForce() []Setting {
	var out []Setting
	inForce(&out, "", reflect.ValueOf(*c))
	return out
}

// hidden are the fields that are no values of the file.
var hidden = map[string]bool{"Warnings": true, "Connection": true, "FromDefaults": true}

// inForce appends the values below a path.
func inForce(out *[]Setting, path string, v reflect.Value) {
	add := func(value string) { *out = append(*out, Setting{path, value}) }
	switch value := v.Interface().(type) {
	case dcsapi.Secret:
		add(secretInForce(value))
		return
	case time.Duration:
		add(value.String())
		return
	case *regexp.Regexp:
		if value != nil {
			add(value.String())
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for field, value := range v.Fields() {
			if !field.IsExported() || hidden[field.Name] {
				continue
			}
			below := strings.TrimPrefix(path+"."+snake(field.Name), ".")
			if field.Tag.Get("json") == "-" { // it holds secrets
				*out = append(*out, Setting{below, map[bool]string{true: "not set", false: "set"}[value.IsZero()]})
				continue
			}
			inForce(out, below, value)
		}
	case reflect.Pointer:
		if v.IsNil() {
			add("not set")
			return
		}
		inForce(out, path, v.Elem())
	case reflect.Slice:
		if v.Len() == 0 || v.Type().Elem().Kind() != reflect.Struct || v.Type().Elem() == reflect.TypeFor[netip.Prefix]() {
			add(fmt.Sprint(v.Interface()))
			return
		}
		for i := range v.Len() {
			inForce(out, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
		}
	default:
		add(cmp.Or(fmt.Sprint(v.Interface()), "not set"))
	}
}

// secretInForce says where a secret is.
func secretInForce(s dcsapi.Secret) string {
	switch {
	case s.File != "":
		return "from the file " + s.File
	case s.Value != "":
		return "set, not shown"
	default:
		return "not set"
	}
}

// snake returns the name of a field as the configuration file has it.
func snake(name string) string {
	if name == "TLS" {
		return "tls_config"
	}
	for _, word := range []string{"CIDR", "IPv", "ID", "IAM", "STS"} {
		name = strings.ReplaceAll(name, word, word[:1]+strings.ToLower(word[1:]))
	}
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
