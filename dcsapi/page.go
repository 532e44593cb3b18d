package dcsapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strconv"
	"time"
	"unsafe"

	"github.com/go-faster/jx"
)

// Page is what one answer of ListClients says besides its sessions.
type Page struct {
	Time     string    // when the list was taken, as the API wrote it; "" if it did not say
	Taken    time.Time // the same, parsed; zero if it cannot be
	Count    int64     // sessions in the whole list, as the API gave it; -1 if it did not say
	Sessions int       // sessions on this page
	Date     time.Time // the answer's Date header: now, by the server's clock; zero without one
}

// decodePage decodes the body of a ListClients answer. consume, if not nil, is
// called once and may range over the sessions; what it leaves is checked all
// the same. The session that it gets is the same one each time, and its
// strings share memory with body.
//
// Errors: broken JSON, anything after it, and a page without a list: clients
// that are missing or null are an empty list only if count is 0.
func decodePage(body []byte, consume func(iter.Seq[*Session])) (Page, error) {
	p := pageDecoder{page: Page{Count: -1}}
	p.sessionField = p.field
	used := false
	if consume != nil {
		consume(func(yield func(*Session) bool) {
			if !used {
				used = true
				p.run(body, yield)
			}
		})
	}
	if !used {
		p.run(body, func(*Session) bool { return true })
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
	if t, err := time.Parse(time.RFC3339Nano, p.page.Time); err == nil {
		p.page.Taken = t
	}
	return p.page, nil
}

// maxTime bounds what is kept of a list's time: it is remembered.
const maxTime = 64

// errErrorCode says that an answer with a status of success carries an
// error_code.
var errErrorCode = errors.New("error_code in an answer with a status of success")

// pageDecoder holds what one pass over a body finds.
type pageDecoder struct {
	page      Page
	list      bool // "clients" was an array
	errorCode bool
	err       error
	session   Session
	stopped   bool

	sessionField func(*jx.Decoder, []byte) error // p.field, made once rather than per session
}

// run decodes a whole body and yields its sessions until yield wants no more.
func (p *pageDecoder) run(body []byte, yield func(*Session) bool) {
	d := jx.DecodeBytes(body)
	if t := d.Next(); t != jx.Object {
		p.err = fmt.Errorf("answer is not a JSON object but %s", kind(t))
		return
	}
	p.err = d.ObjBytes(func(d *jx.Decoder, key []byte) error {
		switch string(key) {
		case "time":
			return textField(d, &p.page.Time, false)
		case "count":
			var n int64
			ok, err := numberField(d, &n)
			if ok && n >= 0 {
				p.page.Count = n
			}
			return err
		case "error_code":
			var code string
			err := textField(d, &code, true)
			p.errorCode = p.errorCode || code != ""
			return err
		case "clients":
			if d.Next() == jx.Null {
				return d.Null()
			}
			p.list = true
			return d.Arr(func(d *jx.Decoder) error { return p.client(d, yield) })
		default:
			return d.Skip()
		}
	})
	if p.err == nil {
		p.err = trailing(d)
	}
}

// client decodes one element of the list.
func (p *pageDecoder) client(d *jx.Decoder, yield func(*Session) bool) error {
	p.page.Sessions++
	if t := d.Next(); t != jx.Object {
		return fmt.Errorf("session is not a JSON object but %s", kind(t))
	}
	s := &p.session
	*s = Session{}
	if err := d.ObjBytes(p.sessionField); err != nil {
		return err
	}
	if !p.stopped && !yield(s) {
		p.stopped = true
	}
	return nil
}

// field decodes one field of the session in hand.
func (p *pageDecoder) field(d *jx.Decoder, key []byte) error {
	s := &p.session
	if f := s.text(key); f != nil {
		return textField(d, f, true)
	}
	if f, bit := s.number(key); f != nil {
		ok, err := numberField(d, f)
		if ok {
			s.Present |= bit
		} else {
			s.Present &^= bit
		}
		return err
	}
	return d.Skip()
}

// textField decodes a string into f, leniently a number or a boolean as its
// own text. null, objects and arrays are as if missing. With share, f shares
// memory with the decoder's input where that is possible.
func textField(d *jx.Decoder, f *string, share bool) error {
	t := d.Next() // moves to the value
	raw, err := d.Raw()
	if err != nil {
		return err
	}
	switch t {
	case jx.String:
		b := raw[1 : len(raw)-1]
		if bytes.IndexByte(b, '\\') >= 0 {
			*f, err = jx.DecodeBytes(raw).Str()
			return err
		}
		*f = toString(b, share)
	case jx.Number, jx.Bool:
		*f = toString(raw, share)
	default:
		*f = ""
	}
	return nil
}

// toString copies b, or shares its memory: the page is not changed while
// its sessions are in use.
func toString(b []byte, share bool) string {
	if share {
		return unsafe.String(unsafe.SliceData(b), len(b))
	}
	return string(b)
}

// numberField decodes an integer, leniently one written as a string or with
// an exponent, into f and tells whether there was one. Anything else is as if
// missing.
func numberField(d *jx.Decoder, f *int64) (bool, error) {
	*f = 0
	t := d.Next()
	raw, err := d.Raw()
	if err != nil {
		return false, err
	}
	b := []byte(raw)
	switch t {
	case jx.Number:
	case jx.String:
		b = bytes.TrimSpace(b[1 : len(b)-1])
	default:
		return false, nil
	}
	n, ok := parseInt(b)
	if ok {
		*f = n
	}
	return ok, nil
}

// parseInt reads the digits that nearly every number consists of, and leaves
// the rest to strconv. Fractions are cut, what 64 bits cannot hold is no
// number.
func parseInt(b []byte) (int64, bool) {
	digits := b
	if len(b) > 0 && b[0] == '-' {
		digits = b[1:]
	}
	if len(digits) == 0 {
		return 0, false
	}
	if len(digits) <= 18 {
		var n int64
		plain := true
		for _, c := range digits {
			if c < '0' || c > '9' {
				plain = false
				break
			}
			n = n*10 + int64(c-'0')
		}
		if plain {
			if len(digits) < len(b) {
				n = -n
			}
			return n, true
		}
	}
	if n, err := strconv.ParseInt(string(b), 10, 64); err == nil {
		return n, true
	}
	x, err := strconv.ParseFloat(string(b), 64)
	if err != nil || math.IsNaN(x) || x < math.MinInt64 || x >= math.MaxInt64 {
		return 0, false
	}
	return int64(x), true
}

// kind names a JSON type in an error.
func kind(t jx.Type) string {
	if t == jx.Invalid {
		return "not JSON at all"
	}
	return t.String()
}

// trailing returns an error if anything but white space follows the value
// that d has decoded.
func trailing(d *jx.Decoder) error {
	if t := d.Next(); t != jx.Invalid {
		return fmt.Errorf("more data after the answer's JSON object: %s", kind(t))
	}
	// Next says Invalid for the end of the data and for rubbish alike.
	if err := d.Skip(); !errors.Is(err, io.EOF) {
		return errors.New("more data after the answer's JSON object")
	}
	return nil
}
