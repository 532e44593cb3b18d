package dcsapi

// layout is the layout of a session's JSON: the text before each of its values,
// and the fields for these. A later session of the same layout is decoded fast:
// the text between values is compared rather than parsed, and only strings
// without escapes and plain integers are accepted as values. Fields without a
// member keep their values. The zero layout matches nothing.
type layout struct {
	members []member
	closing []byte  // the text after the last value
	mark    int     // where the last value ended, while the layout is learned
	present Numbers // the numbers among the members
	known   bool
	long    bool // it has more than maxMembers

	otherText   string // receives the values of other fields
	otherNumber int64
}

// maxMembers bounds the members of a layout, and of an object with arbitrary keys.
// The API's objects have about twenty.
const maxMembers = 100

// member is a key of a session, with the field for its string or number.
type member struct {
	before []byte // the text between the value before, or the session's beginning, and this one
	text   *string
	number *int64
}

// begin resets the layout to learn that of the session at an offset.
func (l *layout) begin(at int) {
	l.members, l.present, l.mark, l.known, l.long = l.members[:0], 0, at, false, false
}

// add adds a key whose value is from at to end, and belongs to the field text or
// number, or to neither.
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

// end completes the layout of a session that ends at an offset.
func (l *layout) end(body []byte, end int) {
	if end > l.mark && !l.long {
		l.closing, l.known = body[l.mark:end], true
	}
}

// decode decodes the session at an offset into the Session that the layout was
// learned from, and returns where it ends. ok is false if the session has another
// layout or is malformed: it must then be decoded by other means, and the
// Session's content is undefined. Strings share body's memory.
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

// follows reports whether text is at an offset, and returns where it ends.
func follows(body []byte, at int, text []byte) (end int, ok bool) {
	end = at + len(text)
	return end, end <= len(body) && string(body[at:end]) == string(text)
}

// plainString returns the end of the string at an offset, or -1 if there is none
// or it has escapes or invalid bytes.
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

// special reports which bytes do not represent themselves in a string.
var special = func() (t [256]bool) {
	for c := range byte(' ') {
		t[c] = true
	}
	t['"'], t['\\'] = true, true
	return t
}()

// plainInt decodes the integer of at most 18 digits at an offset and returns its
// end, or -1 if there is none. The caller must check what follows: it may be the
// rest of another kind of number.
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
