package dcsapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os"

	"dcs_session_exporter/internal/file"
)

// maxKooCLIFile is the maximum size of KooCLI's configuration, which has a profile
// for each account, in bytes.
const maxKooCLIFile = 1 << 20

// kooCLISource returns the source that reads the current profile of KooCLI, the
// vendor's command line (hcloud). Its project id is not used: it belongs to the
// region that was used last.
func kooCLISource() source {
	path, files := inHome(".hcloud", "config.json"), new(file.Reader)
	return source{"KooCLI profile (" + path + ")", func() (sourcedKey, bool, error) {
		if _, err := os.UserHomeDir(); err != nil {
			return sourcedKey{}, false, errors.New("there is no home directory: set HOME")
		}
		content, err := files.Read(context.Background(), path, maxKooCLIFile)
		if err != nil {
			return sourcedKey{}, false, errors.New(cmp.Or(fileProblem(err), "cannot be read"))
		}
		key, err := kooCLIKey(content)
		return sourcedKey{Key: key}, false, err
	}}
}

// kooCLIKey returns the key of the current profile of a configuration. Its errors
// contain nothing of that.
func kooCLIKey(content []byte) (Key, error) {
	var config struct {
		Current   string
		Encrypted any `json:"authEncrypt"` // a boolean, or its text
		Profiles  []struct {
			Name      string
			AccessKey string `json:"accessKeyId"`
			SecretKey string `json:"secretAccessKey"`
			Token     string `json:"securityToken"`
		}
	}
	if json.Unmarshal(content, &config) != nil {
		return Key{}, errors.New("is not KooCLI's configuration in JSON")
	}
	switch config.Encrypted {
	case nil, false, "", "false":
	default:
		return Key{}, errors.New("is encrypted, and only KooCLI can decrypt it: set credentials in the configuration, or variables of the environment")
	}
	for _, p := range config.Profiles {
		switch {
		case p.Name != config.Current:
		case p.AccessKey == "" || p.SecretKey == "":
			return Key{}, errors.New("the current profile has no access key and secret key")
		default:
			return Key{AccessKey: p.AccessKey, SecretKey: p.SecretKey, SecurityToken: p.Token}, nil
		}
	}
	return Key{}, errors.New("has no current profile")
}
