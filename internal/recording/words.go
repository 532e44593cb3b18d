package recording

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// harmlessWords are the words that are kept in sentences. A private text that has
// no others cannot be told from them, and is not looked for.
var harmlessWords = fieldSet(`a access accessed account action after again allow allowed already an and any api api's apigateway apigw app are as
	at auth authenticate authentication authorization authorized be been before being bad by can can't cannot cache client clients closed cloud cluster code
	command condition config configuration conflict connect connection console contact content could create created credential credentials current
	data database date day days db dcs default deleted denied describe description details did different do does doesn't domain due duration each empty enable
	enabled endpoint enterprise environment error errors exceed exceeded exceeds exist existed exists expired fail failed failure fault field find first flow flavor
	for forbidden format found from frozen gateway get group handle has have header header's headers host hour hours iam id ids if illegal in
	incorrect incorrectly info information instance instances internal interval invalid is isn't it job json key latter left length limit limited list listen load
	local long made make malformed management master max maximum may message method min minute minutes missing mode more must name names
	network no node nodes normal not null number of off offset ok on once one only operation option or order other out page parameter
	parameters parse password path performed perform period permission permissions permitted please policy port process product project projects proxy publish published query
	quota range rate reached read reason record region reject rejected release remain remains replica request requested requests required reset resource
	resources respond response restart restarting result retry role running save scan second seconds server service session sessions set should sign signature
	signed size slave sort spec specification specified standby start started state status stop submitted subnet success successful successfully
	such support supported system tag tags task tasks temporarily tenant than that the then there this threshold throttled throttling time timed timeout timestamp to
	token too try type unable unauthorized unavailable unknown unsupported until update upgrade use used user users valid value values verify version was
	wait was when which while with within without write wrong you your zone
	redis default normal vpc active inactive running creating frozen extending restoring flushing true false none
	append auth bgsave blpop brpop client cluster config decr del echo eval evalsha exec exists expire flushall get getset hello hget hgetall hincrby hmget hmset hset
	incr incrby info keys lindex llen lock lpop lpush lrange lrem ltrim mget migrate monitor mset multi ping pexpire psubscribe psync publish replconf
	rpop rpush sadd scan scard select set setex setnx sismember smembers spop srem subscribe sync ttl type unsubscribe unwatch watch
	xadd xread xreadgroup zadd zcard zrange zrangebyscore zrem zscore number host message text socket invalid`)

// code is the API's name of an error, such as "DCS.4957".
var code = regexp.MustCompile(`^(DCS|APIGW|APIG|IAM|CBC|Common)\.[0-9]{2,8}$`)

// throttling is how the gateway words a limit, such as
// "limit:100,time:1" before "minute".
var throttling = regexp.MustCompile(`^(remain:[0-9]{1,9},)?limit:[0-9]{1,9},time:[0-9]{1,6}$`)

// action is the name of a permission, such as "dcs:instance:list".
var action = regexp.MustCompile(`^(dcs|iam):[a-z]{1,20}:[A-Za-z]{1,30}$`)

// smallNumber is a number that a sentence may contain.
var smallNumber = regexp.MustCompile(`^[0-9]{1,6}$`)

const punctuation = ".,:;!?()[]{}'\"<>"

// isHarmlessWord reports whether a word of a sentence, without punctuation around
// it, is kept unless it has a private text in it.
func isHarmlessWord(word string) bool {
	return word == "" || harmlessWords[strings.ToLower(word)] || code.MatchString(word) || action.MatchString(word) || throttling.MatchString(word) || smallNumber.MatchString(word)
}

// fieldNames are the names of known fields.
var fieldNames = func() string {
	names := slices.Concat(slices.Collect(maps.Keys(known)), slices.Collect(maps.Keys(numbers)), slices.Collect(maps.Keys(rules)))
	return strings.Join(names, " ")
}()

// isHarmless reports whether a text has only harmless words, or is part of the
// name of a field: it may be found in a recording although it was replaced.
func isHarmless(text string) bool {
	if strings.Contains(fieldNames, normalize(text)) {
		return true
	}
	for word := range strings.FieldsFuncSeq(text, func(c rune) bool { return !unicode.IsLetter(c) }) {
		if !harmlessWords[strings.ToLower(word)] {
			return false
		}
	}
	return true
}

// replaceWords returns a sentence with each word replaced that is not harmless.
func replaceWords(text string, harmless func(word string) bool, replace func(word string) string) string {
	parts := strings.SplitAfter(text, " ")
	for i, part := range parts {
		word := strings.Trim(part, punctuation+" ")
		if harmless(word) {
			continue
		}
		before, after, _ := strings.Cut(part, word)
		parts[i] = before + replace(word) + after
	}
	return strings.Join(parts, "")
}
