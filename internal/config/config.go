// Package config reads the environment and `.env.local` into one checked
// Config, which app turns into the Config structs that each package owns. It
// starts nothing and opens nothing: a wrong value is an error of one line that
// names the variable and what it wants.
package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/joho/godotenv"
)

// EnvFile is the file beside the project that adds to the environment. What
// the environment sets wins over it.
const EnvFile = ".env.local"

// Secret is a value that prints as redacted, so that no log or error shows it.
type Secret string

// String returns a placeholder, never the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[redacted]"
}

// GoString returns the same placeholder for %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText keeps the secret out of JSON and of structured logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Reveal returns the value itself, for the one place that sends it.
func (s Secret) Reveal() string { return string(s) }

// Config is everything that the environment decides. Zero values have been
// replaced by the defaults.
type Config struct {
	Addr    string // host:port to listen on
	Data    string // absolute folder of database, keys, repositories, sandboxes, apps
	Cache   string // absolute folder of base and warm images, shared by data folders
	Domain  string // host[:port] of the workspace; previews and apps are its subdomains
	SiteURL string // origin of the sign-in routes and of the workspace, no trailing slash
	// BaseImage is the OCI image that the embedded engine's base starts from;
	// "" lets the engine choose.
	BaseImage string
	// Reserve is the memory that sandboxes leave to the machine, in bytes; 0 is
	// the engine's default.
	Reserve int64

	// Proxies are the networks of reverse proxies in front of the server, whose
	// X-Forwarded-For is believed.
	Proxies []netip.Prefix
	// Origins are pages of other sites that may call the functions.
	Origins []string
	// NewAccounts is how many accounts and guests one address may make within
	// an hour.
	NewAccounts int

	Daytona    Daytona
	Anthropic  Anthropic
	Google     Google
	Cloudflare Cloudflare

	// Unused lists variables that are set but that this version doesn't act
	// on, so that doctor can say so.
	Unused []string
}

// Daytona is where sandboxes live when it is not the embedded engine.
type Daytona struct {
	APIKey    Secret // "" chooses the embedded engine
	ServerURL string // base of the API, ends in /api
}

// Anthropic is the model provider. Without APIKey the demo model plays.
type Anthropic struct {
	APIKey  Secret
	BaseURL string // "" is Anthropic's own
	Model   string // "" is the provider's default
	Prices  string // a file with prices of models that the server doesn't know; "" is none
}

// Google is the OAuth client of sign-in with Google; both or none are set.
type Google struct {
	ClientID     string
	ClientSecret Secret
}

// Cloudflare is the deploy target when DeployURL is set.
type Cloudflare struct {
	DeployURL    string
	DeploySecret Secret
}

// Secrets returns the values that must appear in no log, row or answer.
func (c *Config) Secrets() []string {
	var out []string
	for _, s := range []Secret{c.Daytona.APIKey, c.Anthropic.APIKey, c.Google.ClientSecret, c.Cloudflare.DeploySecret} {
		if s != "" {
			out = append(out, s.Reveal())
		}
	}
	return out
}

// Error says which variable has a wrong value and what it wants.
type Error struct {
	Variable string
	Wants    string
	Got      string // "" when it must not be shown
}

// Error returns one line.
func (e *Error) Error() string {
	if e.Got == "" {
		return fmt.Sprintf("%s: %s", e.Variable, e.Wants)
	}
	return fmt.Sprintf("%s=%q: %s", e.Variable, e.Got, e.Wants)
}

// Source is where values come from.
type Source struct {
	// Lookup reads the environment; nil is os.LookupEnv.
	Lookup func(name string) (string, bool)
	// Dir is the folder of .env.local; "" is the working folder.
	Dir string
}

// Load reads and checks everything. The first wrong value is returned as an
// *Error; a .env.local that cannot be parsed as one that names the file.
func Load(src Source) (*Config, error) {
	if src.Lookup == nil {
		src.Lookup = os.LookupEnv
	}
	file, err := readEnvFile(filepath.Join(src.Dir, EnvFile))
	if err != nil {
		return nil, err
	}
	get := func(name string) string {
		if v, ok := src.Lookup(name); ok {
			return strings.TrimSpace(v)
		}
		return strings.TrimSpace(file[name])
	}
	c := &Config{}
	for _, step := range []func(*Config, func(string) string) error{
		readServer, readCallers, readProviders, readTargets, refuseUnbuilt,
	} {
		if err := step(c, get); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func readEnvFile(path string) (map[string]string, error) {
	raw, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, &Error{Variable: EnvFile, Wants: "cannot be read: " + err.Error()}
	}
	values, err := godotenv.UnmarshalBytes(raw)
	if err != nil {
		return nil, &Error{Variable: EnvFile, Wants: "wants lines of NAME=value: " + err.Error()}
	}
	return values, nil
}

func readServer(c *Config, get func(string) string) error {
	c.Addr = orDefault(get("SURGENT_ADDR"), "127.0.0.1:3210")
	_, port, err := net.SplitHostPort(c.Addr)
	if err != nil || !isPort(port) {
		return &Error{"SURGENT_ADDR", "wants host:port, such as 127.0.0.1:3210", c.Addr}
	}
	if c.Data, err = filepath.Abs(orDefault(get("SURGENT_DATA"), ".surgent")); err != nil {
		return &Error{"SURGENT_DATA", "wants a folder: " + err.Error(), get("SURGENT_DATA")}
	}
	cache := get("SURGENT_CACHE")
	if cache == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return &Error{"SURGENT_CACHE", "wants a folder for images, because this user has no cache folder", ""}
		}
		cache = filepath.Join(base, "surgent")
	}
	if c.Cache, err = filepath.Abs(cache); err != nil {
		return &Error{"SURGENT_CACHE", "wants a folder: " + err.Error(), cache}
	}
	if c.BaseImage = get("SURGENT_BASE_IMAGE"); c.BaseImage != "" {
		if _, err := name.ParseReference(c.BaseImage); err != nil {
			return &Error{"SURGENT_BASE_IMAGE", "wants the reference of an image, such as node:24-bookworm", c.BaseImage}
		}
	}
	if v := get("SURGENT_MEMORY_RESERVE"); v != "" {
		mib, err := strconv.ParseUint(v, 10, 32)
		if err != nil {
			return &Error{"SURGENT_MEMORY_RESERVE", "wants a whole number of MiB, such as 1024", v}
		}
		c.Reserve = int64(mib) << 20
	}
	c.Domain = strings.ToLower(orDefault(get("SURGENT_DOMAIN"), "localhost:"+port))
	if !isDomain(c.Domain) {
		return &Error{"SURGENT_DOMAIN", "wants a host name with an optional port, such as localhost:3210", c.Domain}
	}
	c.SiteURL = strings.TrimSuffix(orDefault(get("CONVEX_SITE_URL"), Scheme(c.Domain)+"://"+c.Domain), "/")
	if !isOrigin(c.SiteURL) {
		return &Error{"CONVEX_SITE_URL", "wants an origin, such as http://localhost:3210", c.SiteURL}
	}
	if _, host, _ := strings.Cut(strings.ToLower(c.SiteURL), "://"); strings.HasSuffix(host, "."+c.Domain) {
		return &Error{"CONVEX_SITE_URL", "must not be a name below SURGENT_DOMAIN (" + c.Domain + "): those are previews and apps", c.SiteURL}
	}
	return nil
}

// readCallers reads who may call and how much.
func readCallers(c *Config, get func(string) string) error {
	for text := range strings.FieldsFuncSeq(get("SURGENT_PROXIES"), isSeparator) {
		p, err := netip.ParsePrefix(text)
		if a, addrErr := netip.ParseAddr(text); addrErr == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return &Error{"SURGENT_PROXIES", "wants the addresses or networks of your reverse proxies, such as 127.0.0.1,10.0.0.0/8", text}
		}
		c.Proxies = append(c.Proxies, p)
	}
	for text := range strings.FieldsFuncSeq(get("SURGENT_ORIGINS"), isSeparator) {
		u, err := url.Parse(strings.TrimSuffix(strings.ToLower(text), "/"))
		if err != nil || !isOrigin(u.String()) {
			return &Error{"SURGENT_ORIGINS", "wants the origins of pages that may call this server, such as https://front.example", text}
		}
		if host, _, _ := strings.Cut(c.Domain, ":"); strings.HasSuffix(u.Hostname(), "."+host) {
			return &Error{"SURGENT_ORIGINS", "wants no subdomain of SURGENT_DOMAIN: those are previews and apps, which never may call", text}
		}
		c.Origins = append(c.Origins, u.String())
	}
	var err error
	text := orDefault(get("SURGENT_NEW_ACCOUNTS"), "100")
	if c.NewAccounts, err = strconv.Atoi(text); err != nil || c.NewAccounts < 1 {
		return &Error{"SURGENT_NEW_ACCOUNTS", "wants how many accounts one address may make in an hour, at least 1", text}
	}
	return nil
}

func isSeparator(r rune) bool { return r == ',' || r == ' ' }

func readProviders(c *Config, get func(string) string) error {
	c.Daytona = Daytona{APIKey: Secret(get("DAYTONA_API_KEY")), ServerURL: strings.TrimSuffix(orDefault(get("DAYTONA_SERVER_URL"), "https://app.daytona.io/api"), "/")}
	if !isURL(c.Daytona.ServerURL) {
		return &Error{"DAYTONA_SERVER_URL", "wants the URL of a Daytona API, such as https://app.daytona.io/api", c.Daytona.ServerURL}
	}
	c.Anthropic = Anthropic{APIKey: Secret(get("ANTHROPIC_API_KEY")), BaseURL: strings.TrimSuffix(get("ANTHROPIC_BASE_URL"), "/"), Model: get("ANTHROPIC_MODEL"), Prices: get("SURGENT_PRICES")}
	if c.Anthropic.BaseURL != "" && !isURL(c.Anthropic.BaseURL) {
		return &Error{"ANTHROPIC_BASE_URL", "wants the URL of a Messages API, such as https://api.anthropic.com", c.Anthropic.BaseURL}
	}
	if strings.ContainsAny(c.Anthropic.APIKey.Reveal(), " \t\r\n") {
		return &Error{"ANTHROPIC_API_KEY", "wants one key without spaces", ""}
	}
	c.Google = Google{ClientID: get("GOOGLE_CLIENT_ID"), ClientSecret: Secret(get("GOOGLE_CLIENT_SECRET"))}
	if (c.Google.ClientID == "") != (c.Google.ClientSecret == "") {
		return &Error{"GOOGLE_CLIENT_SECRET", "wants to be set together with GOOGLE_CLIENT_ID, or neither", ""}
	}
	return nil
}

func readTargets(c *Config, get func(string) string) error {
	c.Cloudflare = Cloudflare{DeployURL: get("CLOUDFLARE_DEPLOY_URL"), DeploySecret: Secret(get("CLOUDFLARE_DEPLOY_SECRET"))}
	if c.Cloudflare.DeployURL != "" && !isURL(c.Cloudflare.DeployURL) {
		return &Error{"CLOUDFLARE_DEPLOY_URL", "wants the http(s) URL of a deploy Worker", c.Cloudflare.DeployURL}
	}
	if c.Cloudflare.DeployURL == "" && c.Cloudflare.DeploySecret != "" {
		return &Error{"CLOUDFLARE_DEPLOY_SECRET", "wants CLOUDFLARE_DEPLOY_URL beside it", ""}
	}
	return nil
}

// refuseUnbuilt stops the start on a database that this version cannot speak
// to, since falling back to another one would look like lost data, and notes
// the variables that change nothing.
func refuseUnbuilt(c *Config, get func(string) string) error {
	if v := get("DATABASE_URL"); v != "" {
		return &Error{"DATABASE_URL", "this version keeps its data in SQLite under SURGENT_DATA; leave it unset", ""}
	}
	if v := get("NATS_URL"); v != "" {
		return &Error{"NATS_URL", "this version runs as one node; leave it unset", ""}
	}
	for _, name := range []string{"OPENAI_API_KEY", "OPENAI_BASE_URL", "CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_DISPATCH_NAMESPACE"} {
		if get(name) != "" {
			c.Unused = append(c.Unused, name)
		}
	}
	return nil
}

// Scheme returns "http" for localhost and its subdomains, which browsers
// treat as secure without TLS, and "https" for every other domain.
func Scheme(domain string) string {
	host := domain
	if h, _, err := net.SplitHostPort(domain); err == nil {
		host = h
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host) != nil {
		return "http"
	}
	return "https"
}

func orDefault(v, def string) string {
	if v == "" {
		return def
	}
	return v
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0 && s[0] != '+'
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}

func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && isURL(s) && u.Path == "" && u.RawQuery == "" && u.Fragment == ""
}

func isDomain(s string) bool {
	host := s
	if h, p, err := net.SplitHostPort(s); err == nil {
		if !isPort(p) {
			return false
		}
		host = h
	}
	if host == "" || len(host) > 200 {
		return false
	}
	for _, label := range strings.Split(host, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}
