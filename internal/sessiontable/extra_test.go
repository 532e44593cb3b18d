package sessiontable_test

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"dcs_session_exporter/dcsapi"
)

// TestExtraFields checks that fields that have no column are in JSON as the API has
// them, and in CSV as further columns without formulas.
func TestExtraFields(t *testing.T) {
	page := odd()
	extra := func(name, value string) dcsapi.ExtraField {
		return dcsapi.ExtraField{Name: name, Value: json.RawMessage(value)}
	}
	page.Sessions[0].Extra = []dcsapi.ExtraField{extra("tot_mem", "22298"), extra("lib_name", `"=cmd()"`), extra("=x", `{"a":[1,null]}`)}
	page.Sessions[1].Extra = []dcsapi.ExtraField{extra("lib_name", `"jedis\n"`), extra("gone", "null")}

	var text strings.Builder
	if err := page.WriteCSV(&text); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(text.String())).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatalf("%v, %d rows", err, len(rows))
	}
	const n = 4
	for i, want := range []string{"'=x|gone|lib_name|tot_mem", `{"a":[1,null]}||'=cmd()|22298`, `||jedis\n|`} {
		if got := strings.Join(rows[i][len(rows[i])-n:], "|"); got != want {
			t.Errorf("row %d ends with %s, want %s", i, got, want)
		}
	}

	text.Reset()
	if err := page.WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	var got struct{ Sessions []map[string]any }
	if err := json.Unmarshal([]byte(text.String()), &got); err != nil {
		t.Fatal(err)
	}
	if s := got.Sessions[0]; s["tot_mem"] != 22298.0 || s["lib_name"] != "=cmd()" || s["id"] != 1.0 {
		t.Errorf("got %v", s)
	}
	if gone, there := got.Sessions[1]["gone"]; !there || gone != nil {
		t.Errorf("got %v", got.Sessions[1])
	}
}
