package recording

import (
	"regexp"
	"strings"
)

// kind is what a private text is. It becomes part of its replacement.
type kind string

const (
	kindID      kind = "id"
	kindAddress kind = "host"
	kindName    kind = "name"
	kindUser    kind = "user"
	kindTag     kind = "tag"
	kindText    kind = "text"    // of a field that is not known
	kindMessage kind = "message" // a sentence: its ordinary words are kept
	kindNumber  kind = "number"  // not private: numbers are kept, anything else is replaced
)

// rule says what becomes of a field's values.
type rule struct {
	kind kind
	keep *regexp.Regexp // values that are harmless; nil for none
}

// Patterns of harmless values.
var (
	integer    = regexp.MustCompile(`^-?[0-9]{1,20}$`)
	decimal    = regexp.MustCompile(`^-?[0-9]{1,20}(\.[0-9]{1,10})?$`)
	letters    = regexp.MustCompile(`^[A-Za-z]{1,24}$`)
	identifier = regexp.MustCompile(`^[A-Za-z][A-Za-z_-]{0,39}$`)
	setting    = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)
	version    = regexp.MustCompile(`^[0-9]{1,4}(\.[0-9]{1,5}){0,2}$`)
	spec       = regexp.MustCompile(`^(redis|dcs|memcached|valkey)[._][a-z0-9._-]{1,60}$`)
	command    = regexp.MustCompile(`^[A-Za-z]{1,24}(_ro|-asking)?([|.][A-Za-z_-]{1,24})?$`)
	errorCode  = regexp.MustCompile(`^([A-Za-z]{2,12}\.)?[0-9]{1,8}$`)
	zone       = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]{1,4}[a-z]?$`)
	events     = regexp.MustCompile(`^[rw]{1,2}$`)
	knownUser  = regexp.MustCompile(`^(default|\(superuser\))$`)
	shard      = regexp.MustCompile(`^(group|shard)-[0-9]{1,4}$`)
	noProject  = regexp.MustCompile(`^0$`)
	// quantities are numbers with units, lists and ranges of them, and the words
	// that are values of Redis' settings.
	quantities = regexp.MustCompile(`^[\[(]?(` + quantity + `)([ ,~|-]{1,3}(` + quantity + `)){0,15}[\])]?$`)
	// timestamp is a date with a time of day, as in RFC 3339 and similar forms.
	timestamp = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})? ?(Z|UTC|GMT|[+-][0-9]{2}(:?[0-9]{2})?)?$`)
	// fieldName is how the API names fields.
	fieldName = regexp.MustCompile(`^[a-z][A-Za-z0-9]{0,30}(_[a-z0-9]{1,30}){0,8}$`)
	// trivial values are harmless in a field that is not known, too.
	trivial = regexp.MustCompile(`^(-|0|1|-1|true|false|yes|no|on|off|null|none|N/A|enable|disable|enabled|disabled)$`)
)

const quantity = `-?[0-9]{1,15}(\.[0-9]{1,3})?([kmgt]i?b?|b|s|ms|us|%)?|yes|no|on|off|true|false|unlimited|none|always|everysec|` +
	`noeviction|allkeys-lru|volatile-lru|allkeys-lfu|volatile-lfu|allkeys-random|volatile-random|volatile-ttl|normal|replica|slave|pubsub|master`

// rules are the fields that are known, by name or by parent and name. Names are
// in lower case, with _ for -.
var rules = map[string]rule{
	// Sessions.
	"clients.id": {kindID, integer}, "addr": {kindAddress, nil}, "laddr": {kindAddress, nil}, "peer": {kindAddress, nil},
	"user": {kindUser, knownUser}, "cmd": {kindText, command}, "flags": {kindText, letters}, "events": {kindText, events},
	"network": {kindText, identifier}, "time": {kindText, decimal}, "lib_ver": {kindText, version},
	// Instances and nodes.
	"status": {kindText, identifier}, "sub_status": {kindText, identifier}, "config_status": {kindText, identifier},
	"engine": {kindText, letters}, "engine_version": {kindText, version}, "spec_code": {kindText, spec},
	"cache_mode": {kindText, identifier}, "product_type": {kindText, identifier}, "cpu_type": {kindText, identifier}, "storage_type": {kindText, identifier},
	"node_role": {kindText, identifier}, "node_type": {kindText, identifier}, "az_code": {kindID, zone}, "az_codes": {kindID, zone},
	"group_name": {kindName, shard}, "enterprise_project_id": {kindID, noProject},
	"dimensions.name": {kindText, identifier}, "dimensions.value": {kindID, nil},
	// Settings and specifications.
	"param_name": {kindText, setting}, "param_value": {kindText, quantities}, "default_value": {kindText, quantities},
	"value_range": {kindText, quantities}, "value_type": {kindText, identifier}, "param_id": {kindID, integer},
	"attrs.name": {kindText, setting}, "attrs.value": {kindText, quantities},
	// Projects. Their names are those of regions.
	"projects.name": {kindName, zone}, "domain_name": {kindAddress, nil}, "links": {kindAddress, nil},
	// Errors.
	"error_code": {kindText, errorCode}, "error.code": {kindText, errorCode},
	"error_msg": {kindMessage, nil}, "error_ext_msg": {kindMessage, nil}, "message": {kindMessage, nil}, "msg": {kindMessage, nil},
	"title": {kindMessage, nil}, "description": {kindMessage, nil}, "reason": {kindMessage, nil}, "error": {kindMessage, nil},
	// Parameters of requests that are not fields of answers.
	"sort": {kindText, identifier}, "order": {kindText, identifier}, "clean_cache": {kindText, nil},
	// Private, whatever they look like.
	"id": {kindID, nil}, "ids": {kindID, nil}, "ip": {kindAddress, nil}, "ips": {kindAddress, nil}, "host": {kindAddress, nil}, "hostname": {kindAddress, nil},
	"address": {kindAddress, nil}, "url": {kindAddress, nil}, "endpoint": {kindAddress, nil}, "domain": {kindAddress, nil},
	"name": {kindName, nil}, "username": {kindUser, nil}, "user_name": {kindUser, nil}, "users": {kindUser, nil}, "access_user": {kindUser, nil},
}

// numbers are the fields whose numbers are kept, besides those that isQuantity
// recognizes.
var numbers = fieldSet(`age idle sub psub ssub multi watch qbuf qbuf_free argv_mem multi_mem rbs rbp obl oll omem tot_mem resp redir
	fd db io_thread tot_net_in tot_net_out tot_cmds count total instance_num node_count offset limit code status capacity capacity_minor port
	node_port charging_mode sharding_num proxy_num db_number cpu_num priority_weight format_version time`)

// known are further fields whose names are kept. The rules for their values are
// those for their kind of name.
var known = fieldSet(`clients instances nodes tags features redis_config flavors attrs projects dimensions key value is_access is_remove_ip
	is_domain enabled self next previous job_id instance_id node_id logical_node_id replication_id group_id enable_ssl
	transparent_client_ip_enable bandwidth_info param_id node_name node_ip instance_name request_id project_id domain_id parent_id support_acl
	support_transparent_client_ip no_password_access config_time created_at updated_at
	` + settings)

// settings are names of parameters, attributes and dimensions.
const settings = `maxclients timeout maxmemory_policy notify_keyspace_events slowlog_log_slower_than client_output_buffer_limit
	client_output_buffer_slave_hard_limit client_output_buffer_slave_soft_limit client_output_buffer_limit_slave_soft_seconds
	max_clients max_connections sharding_num db_number dcs_instance_id dcs_cluster_redis_node dcs_cluster_proxy_node`

func fieldSet(names string) map[string]bool {
	set := make(map[string]bool)
	for name := range strings.FieldsSeq(names) {
		set[name] = true
	}
	return set
}

// isQuantity reports whether a field's name says that it is an amount.
var isQuantity = regexp.MustCompile(`^(max|min|used|tot|total)_[a-z_]+$|_(count|size|memory|mem|bytes|seconds|limit|weight|port|bandwidth)$`).MatchString

// field is the place of a value in JSON, or of a query's parameter.
type field struct {
	parent string // the field whose object it is in
	name   string
	tag    bool // it is within tags
}

// rule returns the rule for a field's values.
func (f field) rule() rule {
	if f.tag || isTags(f.name) { // a list of tags may be one of strings
		return rule{kind: kindTag}
	}
	if r, ok := rules[f.parent+"."+f.name]; ok {
		return r
	}
	if r, ok := rules[f.name]; ok {
		return r
	}
	switch {
	case numbers[f.name], isQuantity(f.name):
		return rule{kindNumber, decimal}
	case strings.HasSuffix(f.name, "_id"), strings.HasSuffix(f.name, "_ids"):
		return rule{kind: kindID}
	case strings.HasSuffix(f.name, "_ip"), strings.HasSuffix(f.name, "_ips"), strings.HasSuffix(f.name, "_address"), strings.HasSuffix(f.name, "_host"), strings.HasSuffix(f.name, "_addr"):
		return rule{kind: kindAddress}
	case strings.HasSuffix(f.name, "_name"):
		return rule{kind: kindName}
	default:
		return rule{kind: kindText, keep: trivial}
	}
}

// isKnown reports whether the field's name is one that the API is known to use.
func (f field) isKnown() bool {
	_, there := rules[f.name]
	if !there {
		_, there = rules[f.parent+"."+f.name]
	}
	return there || known[f.name] || numbers[f.name]
}

// normalize returns a field's name as rules have it.
func normalize(name string) string { return strings.ReplaceAll(strings.ToLower(name), "-", "_") }
