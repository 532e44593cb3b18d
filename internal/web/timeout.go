package web

import (
	"math"
	"strconv"
	"time"
)

// timeoutHeader is the header with Prometheus' scrape timeout.
const timeoutHeader = "X-Prometheus-Scrape-Timeout-Seconds"

// minTimeout is the shortest timeout that is accepted from a header. Within less,
// nothing can be read, and every scrape would start over.
const minTimeout = time.Second

// scrapeTimeout returns how long a scrape may take: the timeout in Prometheus'
// header minus offset, at most longest. It ignores an invalid header, raises a
// timeout below minTimeout, and subtracts at most half of the timeout.
func scrapeTimeout(header string, longest, offset time.Duration) time.Duration {
	seconds, err := strconv.ParseFloat(header, 64)
	if err != nil || math.IsNaN(seconds) || seconds <= 0 || seconds >= longest.Seconds()+offset.Seconds() {
		return longest
	}
	asked := max(time.Duration(seconds*float64(time.Second)), minTimeout)
	return min(max(asked-offset, asked/2), longest)
}
