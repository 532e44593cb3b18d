package dcsapi

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"dcs_session_exporter/internal/file"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth"
)

// maxKooCLIFile is the maximum size of KooCLI's configuration, which has a profile
// for each account, in bytes.
const maxKooCLIFile = 1 << 20

// kooCLIError is why KooCLI's configuration provides no key. It contains nothing
// that the file contains.
type kooCLIError string

func (e kooCLIError) Error() string { return string(e) }

// kooCLISource returns the source that reads the current profile of KooCLI, the
// vendor's command line (hcloud). Its project id is not used: it belongs to the
// region that was used last.
func kooCLISource() source {
	path, files := "~/.hcloud/config.json", new(file.Reader)
	home, noHome := os.UserHomeDir()
	if noHome == nil {
		path = filepath.Join(home, ".hcloud", "config.json")
	}
	return source{
		name: "KooCLI profile (" + path + ")",
		get: func() (auth.ICredential, error) {
			if noHome != nil {
				return nil, kooCLIError("there is no home directory: set HOME")
			}
			content, err := files.Read(context.Background(), path, maxKooCLIFile)
			if err != nil {
				return nil, err
			}
			return kooCLIKey(content)
		},
		explain: explainKooCLI,
	}
}

// kooCLIKey returns the key of the current profile of a configuration.
func kooCLIKey(content []byte) (auth.ICredential, error) {
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
		return nil, kooCLIError("is not KooCLI's configuration in JSON")
	}
	switch config.Encrypted {
	case nil, false, "", "false":
	default:
		return nil, kooCLIError("is encrypted, and only KooCLI can decrypt it: set credentials in the configuration, or variables of the environment")
	}
	for _, p := range config.Profiles {
		switch {
		case p.Name != config.Current:
		case p.AccessKey == "" || p.SecretKey == "":
			return nil, kooCLIError("the current profile has no access key and secret key")
		default:
			return auth.NewBasicCredentialsBuilder().WithAk(p.AccessKey).WithSk(p.SecretKey).WithSecurityToken(p.Token).SafeBuild()
		}
	}
	return nil, kooCLIError("has no current profile")
}

// explainKooCLI returns why KooCLI's configuration provides no key.
func explainKooCLI(err error) string {
	if own, ok := errors.AsType[kooCLIError](err); ok {
		return own.Error()
	}
	if text := fileProblem(err); text != "" {
		return text
	}
	for _, known := range []error{file.ErrLate, file.ErrNotRegular, file.ErrTooLarge} {
		if errors.Is(err, known) {
			return strings.TrimSpace(known.Error())
		}
	}
	return "cannot be read"
}
