package dcsapi

import (
	"errors"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/go-faster/jx"
)

// Page is what a response to ListClients contains besides the sessions.
type Page struct {
	Time     string    // when the list was taken, as the API wrote it, at most 64 bytes; "" if it is missing
	Taken    time.Time // the same, parsed leniently; zero if it is malformed
	Count    int64     // sessions in the whole list according to the API; -1 if it is missing
	Sessions int       // sessions on this page
	Date     time.Time // the response's Date header, which is now by the server's clock; zero without one
}

// TimeProblem returns what is wrong with Time, for a page whose Taken is zero.
func (p Page) TimeProblem() string {
	if p.Time == "" {
		return `"time" is missing`
	}
	return `"time" is ` + strconv.QuoteToASCII(p.Time)
}

// decodePage decodes the body of a response to ListClients. consume, if not nil, is
// called once and may range over the sessions; those that it does not reach are
// checked all the same. The *Session is the same one each time, and its strings
// share memory with body.
//
// It is an error if the JSON is malformed or followed by more data, if there are
// more than limit sessions, and if there is no list: if clients is missing or
// null while count is not 0. Of a page with an error_code, Sessions is set.
func decodePage(body []byte, limit int, consume func(iter.Seq[*Session])) (Page, error) {
	return decodePageWith(body, limit, false, consume)
}

// decodePageWith is decodePage, with Session.Extra filled in if extra is set.
func decodePageWith(body []byte, limit int, extra bool, consume func(iter.Seq[*Session])) (Page, error) {
	p := pageDecoder{jsonScanner: jsonScanner{body: body}, limit: limit, extra: extra, page: Page{Count: -1}}
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
		return Page{Sessions: p.page.Sessions}, errErrorCode
	case !p.list && p.page.Count != 0:
		return Page{}, errNoList("sessions", "clients")
	}
	if len(p.page.Time) > maxTime {
		p.page.Time = p.page.Time[:maxTime]
	}
	p.page.Taken = parseListTime(p.page.Time)
	return p.page, nil
}

// maxTime bounds Page.Time in bytes, since callers remember it.
const maxTime = 64

// errErrorCode is returned by decode functions for a response that carries an
// error_code although its status is a success.
var errErrorCode = errors.New("error_code in a response with a status of success")

// pageDecoder decodes one page. It scans the response, its list and each session
// itself, and leaves single values to jx. A session that has the layout of the
// one before, as nearly all have, is decoded by that (layout.go).
type pageDecoder struct {
	jsonScanner
	limit     int  // sessions that were requested
	extra     bool // Session.Extra is wanted
	page      Page
	list      bool // "clients" was an array
	errorCode bool
	err       error
	session   Session
	stopped   bool
	layout    layout

	sessionField fieldFunc // p.field, made once rather than per session
}

// run decodes the body, and yields its sessions until yield returns false.
func (p *pageDecoder) run(yield func(*Session) bool) {
	start := p.space(0)
	if !p.is(start, '{') {
		p.err = errNotObject("the response", p.body[start:])
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
		p.err = errors.New("more data after the response's JSON object")
	}
}

// pageField decodes a field of the response.
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

// clients decodes the list of sessions.
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

// client decodes a session of any layout, and learns its layout.
func (p *pageDecoder) client(at int) (int, error) {
	switch {
	case at >= len(p.body):
		return 0, p.unexpected(at)
	case !p.is(at, '{'):
		return 0, errNotObject("a session", p.body[at:])
	}
	p.session = Session{}
	p.layout.begin(at)
	end, err := p.object(at, p.sessionField)
	if !p.extra { // which the layout does not keep
		p.layout.end(p.body, end)
	}
	return end, err
}

// field decodes a field of the current session. It is a fieldFunc.
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
	case p.extra:
		s.addExtra(key, raw)
	}
	return end, nil
}
