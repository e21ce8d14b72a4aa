package auth

import (
	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store"
)

// UsersTable is the table that the program declares for people. It needs the
// optional fields email (string) and isAnonymous (boolean), and for Google also
// name, image (strings), emailVerificationTime (number) and an index named
// email on email.
const UsersTable = "users"

type (
	userID    string
	sessionID string
	accountID string
	refreshID string
	codeID    string
	verifyID  string
	limitID   string
)

func (userID) ConvexTable() string    { return UsersTable }
func (sessionID) ConvexTable() string { return "authSessions" }
func (accountID) ConvexTable() string { return "authAccounts" }
func (refreshID) ConvexTable() string { return "authRefreshTokens" }
func (codeID) ConvexTable() string    { return "authVerificationCodes" }
func (verifyID) ConvexTable() string  { return "authVerifiers" }
func (limitID) ConvexTable() string   { return "authRateLimits" }

// Times are milliseconds since 1970.

type session struct {
	ID             sessionID `json:"_id"`
	CreationTime   float64   `json:"_creationTime"`
	UserID         userID    `json:"userId"`
	ExpirationTime float64   `json:"expirationTime"`
}

type account struct {
	ID                accountID `json:"_id"`
	CreationTime      float64   `json:"_creationTime"`
	UserID            userID    `json:"userId"`
	Provider          string    `json:"provider"`
	ProviderAccountID string    `json:"providerAccountId"`
	Secret            *string   `json:"secret,omitempty"`
	EmailVerified     *string   `json:"emailVerified,omitempty"`
	PhoneVerified     *string   `json:"phoneVerified,omitempty"`
}

type refreshToken struct {
	ID             refreshID  `json:"_id"`
	CreationTime   float64    `json:"_creationTime"`
	SessionID      sessionID  `json:"sessionId"`
	ExpirationTime float64    `json:"expirationTime"`
	FirstUsedTime  *float64   `json:"firstUsedTime,omitempty"`
	Parent         *refreshID `json:"parentRefreshTokenId,omitempty"`
}

type code struct {
	ID             codeID    `json:"_id"`
	CreationTime   float64   `json:"_creationTime"`
	AccountID      accountID `json:"accountId"`
	Provider       string    `json:"provider"`
	Code           string    `json:"code"` // hex of its SHA-256
	ExpirationTime float64   `json:"expirationTime"`
	Verifier       *string   `json:"verifier,omitempty"`
	EmailVerified  *string   `json:"emailVerified,omitempty"`
	PhoneVerified  *string   `json:"phoneVerified,omitempty"`
}

type verifier struct {
	ID           verifyID   `json:"_id"`
	CreationTime float64    `json:"_creationTime"`
	SessionID    *sessionID `json:"sessionId,omitempty"`
	Signature    *string    `json:"signature,omitempty"`
}

type rateLimit struct {
	ID              limitID `json:"_id"`
	CreationTime    float64 `json:"_creationTime"`
	Identifier      string  `json:"identifier"`
	LastAttemptTime float64 `json:"lastAttemptTime"`
	AttemptsLeft    float64 `json:"attemptsLeft"`
}

var (
	sessions      = store.TypedTable[session, sessionID]("authSessions")
	accounts      = store.TypedTable[account, accountID]("authAccounts")
	refreshTokens = store.TypedTable[refreshToken, refreshID]("authRefreshTokens")
	codes         = store.TypedTable[code, codeID]("authVerificationCodes")
	verifiers     = store.TypedTable[verifier, verifyID]("authVerifiers")
	rateLimits    = store.TypedTable[rateLimit, limitID]("authRateLimits")
)

// Tables declares what sign-in stores. The names and fields are those of
// @convex-dev/auth, so its exported data can be imported.
func Tables() []schema.Table {
	index := func(name string, fields ...string) schema.Index { return schema.Index{Name: name, Fields: fields} }
	return []schema.Table{
		schema.Define[session]("authSessions", index("userId", "userId"), index("expirationTime", "expirationTime")),
		schema.Define[account]("authAccounts",
			index("userIdAndProvider", "userId", "provider"), index("providerAndAccountId", "provider", "providerAccountId")),
		schema.Define[refreshToken]("authRefreshTokens",
			index("sessionId", "sessionId"), index("sessionIdAndParentRefreshTokenId", "sessionId", "parentRefreshTokenId"),
			index("expirationTime", "expirationTime")),
		schema.Define[code]("authVerificationCodes", index("accountId", "accountId"), index("code", "code"),
			index("expirationTime", "expirationTime")),
		schema.Define[verifier]("authVerifiers", index("signature", "signature")),
		schema.Define[rateLimit]("authRateLimits", index("identifier", "identifier"), index("lastAttemptTime", "lastAttemptTime")),
	}
}
