package dcsapi

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
)

// FuzzTags checks that a tag is the same in each form that it may have, and
// that other tags beside it, whatever they are, do not cost it.
func FuzzTags(f *testing.F) {
	for _, seed := range []string{`{"key":"a"}`, `"a=b"`, `[]`, `null`, `""`, `{}`, `{"a":{}}`, `7`, `{"key":{},"value":[]}`} {
		f.Add("team", "orders", seed)
	}
	f.Add("", "=", "1")
	f.Fuzz(func(t *testing.T, key, value, other string) {
		if !json.Valid([]byte(other)) {
			other = "null"
		}
		quote := func(s string) string {
			b, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		tagsOf := func(tags string) map[string]string {
			e := newElement(json.RawMessage(`{"tags":`+tags+`}`), nil, new(warnings))
			return e.tags()
		}
		tagsOf(other) // whatever it is
		key, value = strings.ToValidUTF8(key, "\uFFFD"), strings.ToValidUTF8(value, "\uFFFD")
		if len(key)+len(value) > maxKept/2 {
			t.Skip("longer texts are cut")
		}
		want := map[string]string{key: value}
		documented := `{"key":` + quote(key) + `,"value":` + quote(value) + `}`
		forms := []string{"[" + documented + "]", documented}
		if key != "" && !strings.Contains(key, "=") {
			forms = append(forms, "["+quote(key+"="+value)+"]")
		}
		if key != "key" && key != "value" {
			forms = append(forms, "{"+quote(key)+":"+quote(value)+"}")
		}
		for _, form := range forms {
			if got := tagsOf(form); !maps.Equal(got, want) {
				t.Errorf("%s: got %q, want %q", form, got, want)
			}
		}
		if got, ok := tagsOf("[" + other + "," + documented + "]")[key]; !ok || got != value {
			t.Errorf("beside %s: got %q, want %q", other, got, value)
		}
	})
}
