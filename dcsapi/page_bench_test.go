package dcsapi

import (
	"fmt"
	"iter"
	"strings"
	"testing"
)

// benchPage renders a page of n sessions, in the API's key order.
func benchPage(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"time":"2023-06-15T03:10:01.332Z","clients":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"%d","addr":"10.0.%d.%d:%d","name":"orders-%d","cmd":"get","age":%d,"idle":%d,"flags":"N","fd":"%d","db":"0","sub":0,"psub":0,"multi":-1,"qbuf":0,"qbuf_free":20474,"obl":0,"oll":0,"omem":%d,"events":"r","network":"vpc","peer":"10.0.0.5:6379","user":"orders"}`,
			1000+i, i/250%250, i%250, 30000+i%30000, i%20, i*7%90000, i*3%4000, i%60000, i%3*20504)
	}
	fmt.Fprintf(&b, `],"count":%d}`, n)
	return []byte(b.String())
}

// BenchmarkDecodePage decodes the hundred pages of 100,000 sessions.
func BenchmarkDecodePage(b *testing.B) {
	body := benchPage(1000)
	b.ReportAllocs()
	b.SetBytes(100 * int64(len(body)))
	for b.Loop() {
		var omem int64
		for range 100 {
			page, err := decodePage(body, 1000, func(sessions iter.Seq[*Session]) {
				for s := range sessions {
					omem += s.OMem
				}
			})
			if err != nil || page.Sessions != 1000 {
				b.Fatal(page, err)
			}
		}
		if omem == 0 {
			b.Fatal("no omem")
		}
	}
}
