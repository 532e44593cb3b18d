package recording

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
)

// privateTexts makes private texts of all kinds, none of them by chance in a
// recording.
type privateTexts struct {
	rng *rand.Rand
	all []string
}

// next returns a new text.
func (p *privateTexts) next() string {
	word := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "bcdfghjklmnpqrstvwz"[p.rng.IntN(19)]
		}
		return string(b)
	}
	hex := func(n int) string {
		var b strings.Builder
		for range n {
			fmt.Fprintf(&b, "%x", p.rng.IntN(16))
		}
		return b.String()
	}
	var text string
	switch p.rng.IntN(12) {
	case 0:
		text = hex(32)
	case 1:
		text = hex(8) + "-" + hex(4) + "-" + hex(4) + "-" + hex(4) + "-" + hex(12)
	case 2:
		text = fmt.Sprintf("172.%d.%d.%d", 16+p.rng.IntN(16), p.rng.IntN(256), 100+p.rng.IntN(100))
	case 3:
		text = fmt.Sprintf("2001:db8:%x:%x::%x", 0x1000+p.rng.IntN(0x1000), 0x1000+p.rng.IntN(0x1000), 0x1000+p.rng.IntN(0x1000))
	case 4:
		text = word(7) + `"\<&>` + "\n\x1b" + word(5)
	case 5:
		text = "Ж" + word(6) + "名前"
	case 6:
		text = word(6) + "." + word(4) + ".internal"
	case 7:
		text = "/" + word(5) + "/" + word(6) + ".sock"
	case 8:
		text = word(8) + "@" + word(6)
	case 9:
		text = strings.ToUpper(word(12))
	case 10:
		text = word(300)
	default:
		text = word(4) + "-" + word(5) + "-" + fmt.Sprint(p.rng.IntN(1000))
	}
	p.all = append(p.all, text)
	return text
}

// key returns a new text that does not look like the name of a field.
func (p *privateTexts) key() string {
	for {
		if text := p.next(); !fieldName.MatchString(text) {
			return text
		}
		p.all = p.all[:len(p.all)-1]
	}
}

// value returns a value of a field of any name, of any depth.
func (p *privateTexts) value(depth int) any {
	switch n := p.rng.IntN(8); {
	case n == 0 && depth > 0:
		return []any{p.value(depth - 1), p.value(depth - 1)}
	case n == 1 && depth > 0:
		return map[string]any{p.key(): p.value(depth - 1), "nested_field": p.value(depth - 1)}
	case n == 2:
		return p.rng.IntN(1000)
	case n == 3:
		return nil
	default:
		return p.next()
	}
}

// answer returns an answer with private texts in known and unknown fields.
func (p *privateTexts) answer() map[string]any {
	private := []string{
		"name", "user", "addr", "peer", "ip", "instance_id", "node_id", "node_name", "node_ip", "project_id", "domain_id", "job_id", "error_msg",
		"message", "description", "lib_name", "hostname", "url", "param_value", "az_code", "value_range", "engine_version", "time", "count",
		"something_else", "tenant-Name",
	}
	object := make(map[string]any)
	for range 12 {
		object[private[p.rng.IntN(len(private))]] = p.value(2)
	}
	// Fields whose values are harmless, unless they are private elsewhere.
	again := p.next()
	object["user"] = again
	for _, name := range []string{"status", "cmd", "flags", "spec_code", "network", "param_name", "engine"} {
		object[name] = again
	}
	object["tags"] = []any{map[string]any{"key": p.next(), "value": p.next()}, map[string]any{p.next(): p.next()}, p.next()}
	object["error_ext_msg"] = "The instance " + p.next() + " (" + p.next() + ") is in the state, or not."
	return map[string]any{[]string{"clients", "instances", "nodes", "things"}[p.rng.IntN(4)]: []any{object}, "count": 1}
}

// TestNoLeaks records random answers, and looks for the private texts in what is
// written.
func TestNoLeaks(t *testing.T) {
	for seed := range uint64(40) {
		p := &privateTexts{rng: rand.New(rand.NewPCG(seed, 7))}
		var r Recorder
		for range 5 {
			body, _ := json.Marshal(p.answer())
			header := http.Header{"X-Request-Id": {p.next()}, "Server": {p.next()}, "Content-Type": {"text/" + p.next()}, "Date": {p.next()}, "X-Ratelimit-Limit": {"limit of " + p.next()}}
			path := "/v2/" + strings.ReplaceAll(p.next(), "/", "") + "/instances/" + strings.ReplaceAll(p.next(), "/", "") + "/clients"
			req := `{"node_id":` + string(mustJSON(p.next())) + `,"` + "other" + `":` + string(mustJSON(p.next())) + `}`
			send(t, &r, answering(200+p.rng.IntN(2)*203, string(body), header), http.MethodPost, "http://"+"api.internal"+urlEscape(path)+"?filter="+urlEscape(p.next())+"&addr="+urlEscape(p.next()), req,
				http.Header{"Authorization": {"SDK-HMAC-SHA256 Access=" + strings.ToUpper(fmt.Sprintf("ak%d", seed)) + "QQJJXX, Signature=9fe0deadbeefc0de"}})
		}
		recorded, _, err := r.Recording(Manifest{Projects: []Project{{Region: p.next(), ID: p.next(), Configured: []Instance{{ID: p.next(), Nodes: []string{p.next()}}}, Discovered: []string{p.next()}}}})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		all := unpacked(t, archive(t, recorded))
		for _, text := range append(p.all, "QQJJXX", "9fe0deadbeefc0de", "api.internal") {
			for _, form := range []string{text, strings.Trim(string(mustJSON(text)), `"`), urlEscape(text)} {
				if at := strings.Index(all, form); at >= 0 {
					t.Fatalf("seed %d: %q is in the recording: …%s…", seed, form, all[max(0, at-100):min(len(all), at+100)])
				}
			}
		}
	}
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// urlEscape escapes all but the simplest characters of a text, and no slash.
func urlEscape(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if c == '/' || c == '.' || c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// FuzzLeaks puts a text in private places of an arbitrary answer, and looks for it
// in the recording.
func FuzzLeaks(f *testing.F) {
	f.Add(`{"clients":[{"id":"1","addr":"10.0.0.1:1","cmd":"get"}]}`, "orders-service")
	f.Add(`{"error_msg":"no instance orders-service","status":"orders-service"}`, "orders-service")
	f.Add(`{"tags":{"a":"b"},"orders service":[1.5e3,-0,true,null]}`, "orders service")
	f.Add(`[{"limit:1,time:2 minute":"dcs:instance:list x"}]`, "minute dcs:instance:list")
	f.Add(`"2026-01-01T00:00:00Z 192.168.1.1"`, "192.168.1.1")
	f.Add(`{"time":"2026-01-01T00:00:00Z"}`, strings.Repeat("x", 80))
	f.Fuzz(func(t *testing.T, body, text string) {
		text = strings.ToValidUTF8(text, "\uFFFD")
		var r Recorder
		send(t, &r, answering(http.StatusOK, body, http.Header{"X-Request-Id": {text}}), http.MethodGet, "http://x/v2/p/instances", "", nil)
		private := fmt.Sprintf(`{"clients":[{"user":%[1]s,"name":%[1]s,"addr":%[1]s,"id":%[1]s,"new_field":[%[1]s]}],"tags":[{"key":%[1]s,"value":%[1]s},{%[1]s:1}],"error_msg":%[2]s}`,
			mustJSON(text), mustJSON("The instance "+text+" does not exist"))
		send(t, &r, answering(http.StatusBadRequest, private, nil), http.MethodGet, "http://x/v2/p/instances", "", nil)
		recorded, _, err := r.Recording(Manifest{})
		if err != nil {
			t.Fatal(err)
		}
		_ = archive(t, recorded)
		var leaks leakIndex
		leaks.add(text)
		for _, x := range recorded.Exchanges {
			if err := leaks.verify(x); err != nil {
				t.Fatalf("%q: %v in %s", text, err, x.Response.Body)
			}
		}
		// The form is that of the original.
		if first := recorded.Exchanges[0].Response; first.Body != nil && !sameShape([]byte(body), first.Body) {
			t.Fatalf("%s became %s", body, first.Body)
		}
	})
}

// sameShape reports whether two JSON texts have the same kinds of values in the
// same places.
func sameShape(a, b []byte) bool {
	shape := func(text []byte) string {
		var v shapeVisitor
		if _, err := walk(text, "", &v); err != nil {
			return err.Error()
		}
		return v.String()
	}
	return shape(a) == shape(b)
}

// shapeVisitor writes down the kinds of values.
type shapeVisitor struct{ strings.Builder }

func (v *shapeVisitor) text(_ field, s string) string {
	if s == "" {
		v.WriteString("e")
	}
	v.WriteString("s")
	return s
}

func (v *shapeVisitor) number(_ field, n string) string {
	v.WriteString("n")
	return n
}

func (v *shapeVisitor) key(_ field, name string) string {
	v.WriteString("k")
	return name
}
