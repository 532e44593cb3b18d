package dcsapi

// layout is how a session was written: what stood before each of its values,
// and where they belong. Sessions after it are tried the same way: what is
// between the values is compared rather than decoded, and only strings without
// escapes and plain integers are taken. What has no member keeps its value. The
// zero value knows no layout.
type layout struct {
	members []member
	closing []byte  // what stood after the last value
	mark    int     // where the last value ended, while a layout is learnt
	present Numbers // the numbers among the members
	known   bool
	long    bool // it has more members than are kept

	otherText   string // of fields that nobody wants
	otherNumber int64
}

// maxMembers is how many members a layout has, and how many are kept of an
// object whose members have any names: the API's objects have some twenty.
const maxMembers = 100

// member is a key of a session. It has a place for a text or for a number.
type member struct {
	before []byte // what stood between the value before, or the session's begin, and this one
	text   *string
	number *int64
}

// begin forgets the layout, to learn that of the session at an offset.
func (l *layout) begin(at int) {
	l.members, l.present, l.mark, l.known, l.long = l.members[:0], 0, at, false, false
}

// add adds a key whose value is from at to end, and belongs to text or number,
// or to neither.
func (l *layout) add(body []byte, at, end int, text *string, number *int64, bit Numbers) {
	if l.long = l.long || len(l.members) == maxMembers; l.long {
		return
	}
	if text == nil && number == nil {
		if body[at] == '"' {
			text = &l.otherText
		} else {
			number = &l.otherNumber
		}
	}
	l.members = append(l.members, member{body[l.mark:at], text, number})
	l.present |= bit
	l.mark = end
}

// end ends the layout of a session that ends at an offset.
func (l *layout) end(body []byte, end int) {
	if end > l.mark && !l.long {
		l.closing, l.known = body[l.mark:end], true
	}
}

// decode decodes the session at an offset into the one that the layout was
// learnt from, and returns where it ends. If it cannot, it says so: what it has
// decoded is void then, and the session, which may be broken, has to be decoded
// by other means. Strings share body's memory.
func (l *layout) decode(body []byte, at int) (end int, ok bool) {
	if !l.known {
		return 0, false
	}
	for i := range l.members {
		m := &l.members[i]
		if at, ok = follows(body, at, m.before); !ok {
			return 0, false
		}
		if m.text != nil {
			if end = plainString(body, at); end < 0 {
				return 0, false
			}
			*m.text = toString(body[at+1:end-1], true)
		} else {
			var n int64
			if n, end = plainInt(body, at); end < 0 {
				return 0, false
			}
			*m.number = n
		}
		at = end
	}
	return follows(body, at, l.closing)
}

// follows tells whether text is at an offset, and returns where it ends.
func follows(body []byte, at int, text []byte) (end int, ok bool) {
	end = at + len(text)
	return end, end <= len(body) && string(body[at:end]) == string(text)
}

// plainString returns the end of the string at an offset, -1 if there is none
// or it has escapes or bytes that no string may have.
func plainString(body []byte, at int) int {
	if at >= len(body) || body[at] != '"' {
		return -1
	}
	for i, c := range body[at+1:] {
		if special[c] {
			if c != '"' {
				return -1
			}
			return at + 1 + i + 1
		}
	}
	return -1
}

// special are the bytes that do not stand for themselves in a string.
var special = func() (t [256]bool) {
	for c := range byte(' ') {
		t[c] = true
	}
	t['"'], t['\\'] = true, true
	return t
}()

// plainInt decodes the integer at an offset and returns its end, -1 if there is
// none of at most 18 digits. What follows it is for the caller to check: more
// of a number is none of the things that may follow a value.
func plainInt(body []byte, at int) (n int64, end int) {
	negative := at < len(body) && body[at] == '-'
	if negative {
		at++
	}
	const most = 18
	digits := body[at:min(at+most+1, len(body))]
	i := 0
	for i < len(digits) && '0' <= digits[i] && digits[i] <= '9' {
		n = n*10 + int64(digits[i]-'0')
		i++
	}
	if i == 0 || i > most || (digits[0] == '0' && i > 1) {
		return 0, -1
	}
	if negative {
		n = -n
	}
	return n, at + i
}
