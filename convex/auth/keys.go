package auth

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"surgent.dev/surgent/convex/function"
)

// audience is the only audience that tokens are for.
const audience = "convex"

// keys signs and checks tokens.
type keys struct {
	issuer string
	signer jose.Signer
	public *rsa.PublicKey
	jwks   []byte
}

func openKeys(c Config) (*keys, error) {
	private, err := privateKey(c)
	if err != nil {
		return nil, err
	}
	k := &keys{issuer: c.IssuerURL, public: &private.PublicKey}
	k.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: private}, nil)
	if err != nil {
		return nil, fmt.Errorf("make signer: %w", err)
	}
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: k.public, Use: "sig", Algorithm: string(jose.RS256)}}}
	if k.jwks, err = json.Marshal(set); err != nil {
		return nil, fmt.Errorf("encode key set: %w", err)
	}
	return k, nil
}

func privateKey(c Config) (*rsa.PrivateKey, error) {
	if c.PrivateKey != "" {
		return parsePrivateKey(restoreLines(c.PrivateKey))
	}
	if c.KeyFile == "" {
		return nil, errors.New("a key file or a private key is needed")
	}
	text, err := os.ReadFile(c.KeyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return makePrivateKey(c.KeyFile)
	}
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	key, err := parsePrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s holds no key (%w): put its copy back, or remove it: another is made, and everybody signs in again", c.KeyFile, err)
	}
	return key, nil
}

// makePrivateKey writes a new key beside its place and moves it there, so that
// a crash leaves a whole key or none.
func makePrivateKey(file string) (*rsa.PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, fmt.Errorf("make key folder: %w", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		return nil, fmt.Errorf("write key file: %w", err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		return nil, fmt.Errorf("write key file: %w", err)
	}
	return key, nil
}

func parsePrivateKey(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("parse private key: no PEM block")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parse private key: %w", err)
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("parse private key: %T is not RSA", key)
	}
	return private, nil
}

// restoreLines gives a PEM text its line breaks back where spaces replaced
// them.
func restoreLines(s string) []byte {
	const begin, end = "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"
	body := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(s), begin), end)
	return []byte(begin + "\n" + strings.Join(strings.Fields(body), "\n") + "\n" + end + "\n")
}

// sign returns a token for a session. Its random id keeps two tokens of one
// second apart: clients take an equal token as not refreshed.
func (k *keys) sign(user userID, session sessionID, now time.Time, d time.Duration) (string, error) {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	token, err := jwt.Signed(k.signer).Claims(jwt.Claims{
		Subject:  string(user) + "|" + string(session),
		Issuer:   k.issuer,
		Audience: jwt.Audience{audience},
		IssuedAt: jwt.NewNumericDate(now),
		Expiry:   jwt.NewNumericDate(now.Add(d)),
		ID:       hex.EncodeToString(id[:]),
	}).Serialize()
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return token, nil
}

// verify checks a token and returns whom it names.
func (k *keys) verify(token string, now time.Time) (*function.Identity, error) {
	t, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return nil, errors.New("the token is not a signed JWT")
	}
	var c jwt.Claims
	if err := t.Claims(crypto.PublicKey(k.public), &c); err != nil {
		return nil, errors.New("the signature is wrong")
	}
	switch {
	case c.Issuer != k.issuer:
		return nil, errors.New("no auth provider is configured for the issuer")
	case len(c.Audience) != 1 || c.Audience[0] != audience:
		return nil, errors.New("the audience is wrong")
	case c.Expiry == nil || c.IssuedAt == nil || !strings.Contains(c.Subject, "|"):
		return nil, errors.New("a claim is missing")
	case !now.Before(c.Expiry.Time()):
		return nil, errors.New("the token has expired")
	case c.NotBefore != nil && now.Before(c.NotBefore.Time()):
		return nil, errors.New("the token is not valid yet")
	}
	return &function.Identity{Subject: c.Subject, Issuer: c.Issuer, ExpiresAt: c.Expiry.Time()}, nil
}
