package emulator

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

var listClientsOnly = []string{"list_clients"}

// pageAttacks are attacks with the content of session pages.
var pageAttacks = []Attack{
	{Name: "gzip-bomb", Help: "pages of the instance's lists unpack to 1 GiB", operations: listClientsOnly, instead: func(x exchange) {
		x.begin(http.StatusOK, "Content-Encoding", "gzip")
		for _, part := range [][]byte{pack([]byte(`{"count":5,"clients":[{"id":"1","name":"`)), bytes.Repeat(packedMiB(), 1<<10)} {
			if _, err := x.w.Write(part); err != nil {
				return
			}
		}
	}},
	{Name: "huge-names", Help: "all sessions of the instance have client names of 15 KiB: 15 MiB per page", operations: listClientsOnly, change: page(func(_ exchange, p *clientsPage) {
		for i := range p.Clients {
			p.Clients[i].Name = fmt.Sprint(p.Clients[i].ID, strings.Repeat("n", 15<<10))
		}
	})},
	{Name: "huge-fields", Help: "sessions of the instance have distinct users, commands, addresses and databases of 3 KiB", operations: listClientsOnly, change: page(func(_ exchange, p *clientsPage) {
		for i := range p.Clients {
			c := &p.Clients[i]
			own := c.ID + strings.Repeat("v", 3<<10)
			c.User, c.Cmd, c.Addr, c.DB = own, own, own, own
		}
	})},
	{Name: "huge-name", Help: "the session in the middle of the instance's lists has a client name of 17 MiB", quirks: []string{"huge-name=17825792"}},
	{Name: "many-keys", Help: "the first session of each page of the instance has 500,000 extra keys", operations: listClientsOnly, change: func(x exchange, a answer) {
		if a.status == http.StatusOK {
			a.body = bytes.Replace(a.body, []byte(`"clients":[{`), manyKeys(), 1)
		}
		x.reply(a)
	}},
	{Name: "many-users", Help: "the instance's lists have 1,000,000 sessions, each with a different user and address", operations: listClientsOnly, change: page(func(x exchange, p *clientsPage) {
		p.Count, p.Clients = 1_000_000, nil
		for k := x.Offset; k < min(x.Offset+x.Limit, 1_000_000); k++ {
			s := invented(0, k)
			s.User = fmt.Sprintf("user-%d-%s", k, strings.Repeat("u", 100))
			p.Clients = append(p.Clients, s)
		}
	})},
	{Name: "oversized-pages", Help: "pages of the instance's lists have 20,000 sessions, however many are requested", operations: listClientsOnly, change: page(func(x exchange, p *clientsPage) {
		p.Count, p.Clients = 1_000_000, nil
		for k := range 20_000 {
			p.Clients = append(p.Clients, invented(0, x.Offset+k))
		}
	})},
	{Name: "future", Help: "the time of the instance's lists is ten years ahead", operations: listClientsOnly, change: page(func(x exchange, p *clientsPage) {
		p.Time = timeForms[""](x.s.now().AddDate(10, 0, 0))
	})},
	{Name: "past-and-future", Help: "the time of the instance's lists jumps between now and ten years ahead", operations: listClientsOnly, share: .5, change: page(func(x exchange, p *clientsPage) {
		p.Time = timeForms[""](x.s.now().AddDate(10, 0, 0))
	})},
	{Name: "escapes", Help: "names, users and commands of the instance's sessions consist of control characters", operations: listClientsOnly, change: page(func(_ exchange, p *clientsPage) {
		for i := range p.Clients {
			p.Clients[i].Name, p.Clients[i].User, p.Clients[i].Cmd = "\x1b]0;pwned\a\x1b[2J", "\r\n\x00\u202e", "\u009b31m\u2028"
		}
	})},
}

// page returns a change that modifies a session page.
func page(change func(exchange, *clientsPage)) func(exchange, answer) {
	return func(x exchange, a answer) {
		var p clientsPage
		if a.status == http.StatusOK && json.Unmarshal(a.body, &p) == nil {
			change(x, &p)
			a.body = ok(p).body
		}
		x.reply(a)
	}
}

// pack returns a gzip member.
func pack(b []byte) []byte {
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level is valid
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

// packedMiB returns a gzip member that unpacks to 1 MiB.
var packedMiB = sync.OnceValue(func() []byte { return pack(bytes.Repeat([]byte("n"), 1<<20)) })

// manyKeys returns the beginning of a page's sessions, whose first one has many
// keys.
var manyKeys = sync.OnceValue(func() []byte {
	b := []byte(`"clients":[{`)
	for k := range 500_000 {
		b = append(strconv.AppendInt(append(b, `"key-`...), int64(k), 10), `":"value",`...)
	}
	return b
})
