package dcsapi

// layout is the layout of a session's JSON: the text before each of its values,
// and the fields for these. A later session of the same layout is decoded fast:
// the text between values is compared rather than parsed, and only strings
// without escapes and plain integers are accepted as values, eight bytes at a
// time (words.go). Fields without a member keep their values. The zero layout
// matches nothing.
type layout struct {
	members []member
	closing fixedText // the text after the last value
	mark    int       // where the text after the last value begins, while the layout is learned
	present Numbers   // the numbers among the members
	known   bool
	unfit   bool // it has more than maxMembers, or a value of the wrong kind

	otherText   string // receives the values of other fields
	otherNumber int64
}

// maxMembers bounds the members of a layout, and of an object with arbitrary keys.
// The API's objects have about twenty.
const maxMembers = 100

// member is a key of a session, with the field for its string or number. The
// quotes of a string belong to the texts around it.
type member struct {
	before fixedText // the text between the value before, or the session's beginning, and this one
	text   *string
	number *int64
}

// begin resets the layout to learn that of the session at an offset.
func (l *layout) begin(at int) {
	l.members, l.present, l.mark, l.known, l.unfit = l.members[:0], 0, at, false, false
}

// add adds a key whose value is from at to end, and belongs to the field text or
// number, or to neither.
func (l *layout) add(body []byte, at, end int, text *string, number *int64, bit Numbers) {
	quoted := body[at] == '"'
	if text == nil && number == nil {
		if quoted {
			text = &l.otherText
		} else {
			number = &l.otherNumber
		}
	}
	if l.unfit = l.unfit || len(l.members) == maxMembers || quoted != (text != nil); l.unfit {
		return
	}
	if quoted {
		at, end = at+1, end-1
	}
	l.members = append(l.members, member{newFixedText(body[l.mark:at]), text, number})
	l.present |= bit
	l.mark = end
}

// end completes the layout of a session that ends at an offset.
func (l *layout) end(body []byte, end int) {
	if end > l.mark && !l.unfit {
		l.closing, l.known = newFixedText(body[l.mark:end]), true
	}
}

// decode decodes the session at an offset into the Session that the layout was
// learned from, and returns where it ends. ok is false if the session has another
// layout, is malformed or ends close to the body's end: it must then be decoded by
// other means, and the Session's content is undefined. Strings share body's memory.
func (l *layout) decode(body []byte, at int) (end int, ok bool) {
	if !l.known {
		return 0, false
	}
	for i := range l.members {
		m := &l.members[i]
		if !m.before.isAt(body, at) {
			return 0, false
		}
		at += len(m.before.text)
		if m.text != nil {
			if end = plainTextEnd(body, at); end < 0 {
				return 0, false
			}
			*m.text = toString(body[at:end], true)
		} else {
			if *m.number, end = plainInt(body, at); end < 0 {
				return 0, false
			}
		}
		at = end
	}
	return at + len(l.closing.text), l.closing.isAt(body, at)
}
