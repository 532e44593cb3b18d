package dcsapi

import (
	"errors"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/go-faster/jx"
)

// Page is what one answer of ListClients says besides its sessions.
type Page struct {
	Time     string    // when the list was taken, as the API wrote it; "" if it did not say
	Taken    time.Time // the same, parsed leniently; zero if it is no time
	Count    int64     // sessions in the whole list, as the API gave it; -1 if it did not say
	Sessions int       // sessions on this page
	Date     time.Time // the answer's Date header: now, by the server's clock; zero without one
}

// TimeProblem says why the list has no time that is understood, for a page
// whose Taken is zero.
func (p Page) TimeProblem() string {
	if p.Time == "" {
		return `"time" is missing`
	}
	return `"time" is ` + strconv.QuoteToASCII(p.Time)
}

// decodePage decodes the body of a ListClients answer. consume, if not nil, is
// called once and may range over the sessions; what it leaves is checked all
// the same. The session that it gets is the same one each time, and its
// strings share memory with body.
//
// Errors: broken JSON, anything after it, more than limit sessions, and a page
// without a list: clients that are missing or null are an empty list only if
// count is 0.
func decodePage(body []byte, limit int, consume func(iter.Seq[*Session])) (Page, error) {
	p := pageDecoder{body: body, limit: limit, page: Page{Count: -1}}
	p.sessionField = p.field
	used := false
	if consume != nil {
		consume(func(yield func(*Session) bool) {
			if !used {
				used = true
				p.run(yield)
			}
		})
	}
	if !used {
		p.run(func(*Session) bool { return true })
	}
	switch {
	case p.err != nil:
		return Page{}, p.err
	case p.errorCode:
		return Page{}, errErrorCode
	case !p.list && p.page.Count != 0:
		return Page{}, errors.New(`no list of sessions in the answer: "clients" is missing`)
	}
	if len(p.page.Time) > maxTime {
		p.page.Time = p.page.Time[:maxTime]
	}
	p.page.Taken = parseListTime(p.page.Time)
	return p.page, nil
}

// maxTime bounds what is kept of a list's time: it is remembered.
const maxTime = 64

// errErrorCode says that an answer with a status of success carries an
// error_code.
var errErrorCode = errors.New("error_code in an answer with a status of success")

// pageDecoder holds what one pass over a body finds. It walks through the
// answer, its list and each session itself, and leaves single values to jx.
// Sessions that are written like the one before, as nearly all are, take a
// short cut (layout.go).
type pageDecoder struct {
	body      []byte
	limit     int // sessions that were asked for
	value     jx.Decoder
	page      Page
	list      bool // "clients" was an array
	errorCode bool
	err       error
	session   Session
	stopped   bool
	layout    layout

	sessionField fieldFunc // p.field, made once rather than per session
}

// run decodes the body and yields its sessions until yield wants no more.
func (p *pageDecoder) run(yield func(*Session) bool) {
	start := p.space(0)
	if !p.is(start, '{') {
		p.value.ResetBytes(p.body)
		p.err = fmt.Errorf("answer is not a JSON object but %s", kind(p.value.Next()))
		return
	}
	end, err := p.object(start, func(key []byte, at int) (int, error) {
		if string(key) == "clients" && p.is(at, '[') {
			return p.clients(at, yield)
		}
		end, err := p.valueEnd(at)
		if err != nil {
			return 0, err
		}
		return end, p.pageField(key, p.body[at:end])
	})
	if p.err = err; err == nil && p.space(end) != len(p.body) {
		p.err = errors.New("more data after the answer's JSON object")
	}
}

// pageField takes note of a field of the answer.
func (p *pageDecoder) pageField(key []byte, raw jx.Raw) error {
	switch string(key) {
	case "time":
		return textField(raw, &p.page.Time, false)
	case "count":
		if n, ok := numberField(raw); ok && n >= 0 {
			p.page.Count = n
		}
	case "error_code":
		var code string
		err := textField(raw, &code, true)
		p.errorCode = p.errorCode || code != ""
		return err
	}
	return nil
}

// clients decodes the list of sessions at an offset, and returns where it
// ends.
func (p *pageDecoder) clients(at int, yield func(*Session) bool) (int, error) {
	p.list = true
	if at = p.space(at + 1); p.is(at, ']') {
		return at + 1, nil
	}
	for {
		if p.page.Sessions == p.limit {
			return 0, &Error{Reason: ReasonInconsistent, Message: fmt.Sprintf("a page has more sessions than the %d that were asked for", p.limit)}
		}
		p.page.Sessions++
		end, ok := p.layout.decode(p.body, at)
		if ok {
			p.session.Present = p.layout.present
		} else {
			var err error
			if end, err = p.client(at); err != nil {
				return 0, err
			}
		}
		if !p.stopped && !yield(&p.session) {
			p.stopped = true
		}
		switch at = p.space(end); {
		case p.is(at, ','):
			at = p.space(at + 1)
		case p.is(at, ']'):
			return at + 1, nil
		default:
			return 0, p.unexpected(at)
		}
	}
}

// client decodes the session at an offset, however it is written, and returns
// where it ends.
func (p *pageDecoder) client(at int) (int, error) {
	if !p.is(at, '{') {
		p.value.ResetBytes(p.body[at:])
		return 0, fmt.Errorf("session is not a JSON object but %s", kind(p.value.Next()))
	}
	p.session = Session{}
	p.layout.begin(at)
	end, err := p.object(at, p.sessionField)
	p.layout.end(p.body, end)
	return end, err
}

// field decodes the field of the session in hand whose value is at an offset,
// and returns where that ends.
func (p *pageDecoder) field(key []byte, at int) (int, error) {
	end, err := p.valueEnd(at)
	if err != nil {
		return 0, err
	}
	s, raw := &p.session, jx.Raw(p.body[at:end])
	text := s.text(key)
	number, bit := s.number(key)
	p.layout.add(p.body, at, end, text, number, bit)
	switch {
	case text != nil:
		return end, textField(raw, text, true)
	case number != nil:
		n, ok := numberField(raw)
		*number = n
		if ok {
			s.Present |= bit
		} else {
			s.Present &^= bit
		}
	}
	return end, nil
}
