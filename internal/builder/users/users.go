// Package users holds the people of the product: the table users, who the
// caller of a function is, and `auth:loggedInUser`. Accounts, sessions and
// tokens belong to the runtime's sign-in; it writes new users here. Next in
// the flow is templates.
package users

import (
	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store"
)

// ID is the id of a user.
type ID string

// ConvexTable names the table that the id belongs to.
func (ID) ConvexTable() string { return "users" }

// User is one person. Guests are anonymous; a password user has an e-mail.
type User struct {
	ID                    ID       `json:"_id"`
	CreationTime          float64  `json:"_creationTime"` // ms
	Name                  *string  `json:"name,omitempty"`
	Image                 *string  `json:"image,omitempty"`
	Email                 *string  `json:"email,omitempty"`
	EmailVerificationTime *float64 `json:"emailVerificationTime,omitempty"` // ms
	Phone                 *string  `json:"phone,omitempty"`
	PhoneVerificationTime *float64 `json:"phoneVerificationTime,omitempty"` // ms
	IsAnonymous           *bool    `json:"isAnonymous,omitempty"`
	SubscriptionStatus    *string  `json:"subscriptionStatus,omitempty"`
	Subscription          any      `json:"subscription,omitempty"`
	Usage                 any      `json:"usage,omitempty"`
	Metadata              any      `json:"metadata,omitempty"`
}

// Users is the table's typed access.
var Users = store.TypedTable[User, ID]("users")

// Tables declares what this module stores.
func Tables() []schema.Table {
	return []schema.Table{
		schema.Define[User]("users", schema.Index{Name: "email", Fields: []string{"email"}}),
	}
}
