// Package auth signs people in as the clients of @convex-dev/auth expect it:
// with a password, as a guest, or with Google.
//
// A sign-in makes a session and gives the client two tokens. The short one, a
// JWT, proves the caller on every call; the long one is exchanged for a new
// pair before the JWT ends, and each works once. A long token that comes back
// when it should not ends every token that came from it.
//
// The functions auth:signIn, auth:signOut and auth:isAuthenticated are public;
// everything that touches tables is the internal mutation auth:store, one
// transaction per step. Passwords are hashed outside of it, as that takes long.
//
// The table users is the program's; UsersTable says what auth needs of it.
package auth
