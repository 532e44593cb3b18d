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

// stamp is a date with a time of day: date, separator, time, fraction, zone.
var stamp = regexp.MustCompile(`^([0-9]{4}-[0-9]{2}-[0-9]{2})([T ])([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,9})?( ?)(Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?|)$`)

// parseTime parses a time in a form that the API may use. form is its parts.
func parseTime(text string) (t time.Time, form []string, ok bool) {
	form = stamp.FindStringSubmatch(text)
	if form == nil {
		return time.Time{}, nil, false
	}
	layout, zone := "2006-01-02 15:04:05Z0700", strings.ReplaceAll(form[6], ":", "")
	switch len(zone) {
	case 0:
		zone = "Z"
	case 3:
		if zone == "UTC" || zone == "GMT" {
			zone = "Z"
		} else {
			zone += "00"
		}
	}
	t, err := time.Parse(layout, form[1]+" "+form[3]+form[4]+zone)
	return t, form, err == nil
}

// timeOf returns the time that a text or a number of seconds or milliseconds
// since 1970 stands for, and the zero time if it stands for none.
func timeOf(text string) time.Time {
	if t, _, ok := parseTime(text); ok {
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
	t, form, ok := parseTime(text)
	if ok {
		layout := "2006-01-02" + form[2] + "15:04:05"
		if form[4] != "" {
			layout += "." + strings.Repeat("0", len(form[4])-1)
		}
		return t.Add(by).Format(layout) + form[5] + form[6]
	}
	switch at := timeOf(text); {
	case at.IsZero():
		return text
	case len(text) == 10:
		return strconv.FormatInt(at.Add(by).Unix(), 10)
	default:
		return strconv.FormatInt(at.Add(by).UnixMilli(), 10)
	}
}
