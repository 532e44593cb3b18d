package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Agency is an agency of another account, which every key of this account may
// assume.
type Agency struct {
	DomainID, DomainName string // of the account that has it
	Name                 string
	Projects             []string      // ids of the projects that its keys may use
	Lasts                time.Duration // of its keys; default an hour
	NoSTS                bool          // STS answers 404: only IAM knows it
}

// SetAgencies sets the agencies that can be assumed.
func (s *Server) SetAgencies(agencies ...Agency) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.agencies = agencies
}

// assume returns a new temporary key of an agency, and when it ends. s.mu must be
// held.
func (s *Server) assume(a Agency) (Key, time.Time) {
	lasts := a.Lasts
	if lasts == 0 {
		lasts = time.Hour
	}
	s.assumed++
	n := s.assumed
	k := Key{AccessKey: fmt.Sprint("ASSUMED", n), SecretKey: fmt.Sprint("assumed-secret-", n), SecurityToken: fmt.Sprint("assumed-token-", n), Projects: a.Projects}
	s.keys[k.AccessKey] = &keyState{Key: k}
	return k, s.now().Add(lasts).UTC()
}

// assumeBySTS answers STS' AssumeAgency.
func (s *Server) assumeBySTS(_ *http.Request, body []byte) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	var q struct {
		URN     string `json:"agency_urn"`
		Session string `json:"agency_session_name"`
		Seconds int    `json:"duration_seconds"`
	}
	if json.Unmarshal(body, &q) != nil || q.Session == "" || q.Seconds < 900 || q.Seconds > 43200 {
		return failure(http.StatusBadRequest, "STS5.0002", "invalid request body")
	}
	k := slices.IndexFunc(s.agencies, func(a Agency) bool { return q.URN == "iam::"+a.DomainID+":agency:"+a.Name })
	switch {
	case slices.ContainsFunc(s.agencies, func(a Agency) bool { return a.NoSTS }):
		return gatewayFailure(http.StatusNotFound, "APIGW.0101", "The API does not exist or has not been published in the environment", requestID(s.requests))
	case k < 0:
		return failure(http.StatusForbidden, "STS5.0005", "access denied: "+q.URN+" cannot be assumed")
	}
	key, ends := s.assume(s.agencies[k])
	return ok(map[string]any{"credentials": map[string]string{
		"access_key_id": key.AccessKey, "secret_access_key": key.SecretKey, "security_token": key.SecurityToken, "expiration": ends.Format(time.RFC3339),
	}})
}

// assumeByIAM answers IAM's request for temporary keys by an agency.
func (s *Server) assumeByIAM(_ *http.Request, body []byte) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	var q struct {
		Auth struct {
			Identity struct {
				Methods []string
				Assume  struct {
					Agency     string `json:"agency_name"`
					DomainID   string `json:"domain_id"`
					DomainName string `json:"domain_name"`
				} `json:"assume_role"`
			}
		}
	}
	if json.Unmarshal(body, &q) != nil || strings.Join(q.Auth.Identity.Methods, "") != "assume_role" {
		return iamFailure(http.StatusBadRequest, "The request body is invalid")
	}
	asked := q.Auth.Identity.Assume
	k := slices.IndexFunc(s.agencies, func(a Agency) bool {
		return a.Name == asked.Agency && (a.DomainID == asked.DomainID || a.DomainName == asked.DomainName && a.DomainName != "")
	})
	if k < 0 {
		return iamFailure(http.StatusForbidden, "You are not authorized to perform the requested action")
	}
	key, ends := s.assume(s.agencies[k])
	a := ok(map[string]any{"credential": map[string]string{
		"access": key.AccessKey, "secret": key.SecretKey, "securitytoken": key.SecurityToken, "expires_at": ends.Format("2006-01-02T15:04:05.000000Z"),
	}})
	a.status = http.StatusCreated
	return a
}
