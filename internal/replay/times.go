package replay

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// splitTime splits a JSON object before and after the value of its member "time",
// without the quotation marks of a string. Without such a member, before is the
// whole body.
func splitTime(body []byte) (before []byte, text string, after []byte) {
	d := json.NewDecoder(bytes.NewReader(body))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return body, "", nil
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			break
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			break
		}
		if key != "time" {
			continue
		}
		end := int(d.InputOffset())
		from := end - len(value)
		if value[0] == '"' {
			from, end = from+1, end-1
		}
		return body[:from], string(body[from:end]), body[end:]
	}
	return body, "", nil
}

// stamp is a date with a time of day: separator, fraction, space and zone.
var stamp = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ])[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?( ?)(Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?|)$`)

// layoutOf returns the layout of a time in a form that the API may use, "" if the
// text is none.
func layoutOf(text string) string {
	form := stamp.FindStringSubmatch(text)
	if form == nil {
		return ""
	}
	zone := form[4]
	if strings.HasPrefix(zone, "+") || strings.HasPrefix(zone, "-") {
		zone = map[int]string{3: "-07", 5: "-0700", 6: "-07:00"}[len(zone)]
	}
	fraction := form[2]
	if fraction != "" {
		fraction = "." + strings.Repeat("0", len(fraction)-1)
	}
	return "2006-01-02" + form[1] + "15:04:05" + fraction + form[3] + zone
}

// timeOf returns the time that a text or a number of seconds or milliseconds
// since 1970 stands for, and the zero time if it stands for none.
func timeOf(text string) time.Time {
	if layout := layoutOf(text); layout != "" {
		t, _ := time.Parse(layout, text) // the zero time, if there is no such day
		return t
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return time.Time{}
	case len(text) == 10:
		return time.Unix(n, 0)
	case len(text) == 13:
		return time.UnixMilli(n)
	default:
		return time.Time{}
	}
}

// moveTime returns a time moved by a duration, in the same form. A text that is no
// time stays.
func moveTime(text string, by time.Duration) string {
	at, layout := timeOf(text), layoutOf(text)
	switch {
	case at.IsZero():
		return text
	case layout != "":
		return at.Add(by).Format(layout)
	case len(text) == 10:
		return strconv.FormatInt(at.Add(by).Unix(), 10)
	default:
		return strconv.FormatInt(at.Add(by).UnixMilli(), 10)
	}
}
