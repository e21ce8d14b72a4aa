package auth

import (
	"strings"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/value"
)

// refresh exchanges a refresh token. A token works once; within a few seconds,
// or when its successor was never used, it works again, since the answer may
// have been lost. Otherwise somebody else has it: all that came from it ends.
func (a *Auth) refresh(ctx *function.MutationCtx, text string) (*grant, error) {
	id, sid, ok := strings.Cut(text, "|")
	if !ok || id == "" || sid == "" {
		return nil, function.Errorf("invalid", "Can't parse refresh token: %s", redact(text))
	}
	now := a.millis(ctx.Now())
	token, err := refreshTokens.Get(ctx, ctx.DB, refreshID(id))
	if err != nil {
		return nil, err
	}
	s, err := sessions.Get(ctx, ctx.DB, sessionID(sid))
	if err != nil {
		return nil, err
	}
	if token == nil || s == nil || token.SessionID != s.ID || token.ExpirationTime < now || s.ExpirationTime < now {
		return nil, a.endSession(ctx, sessionID(sid))
	}
	if token.FirstUsedTime == nil {
		if err := refreshTokens.Patch(ctx, ctx.DB, token.ID, value.Object{"firstUsedTime": now}); err != nil {
			return nil, err
		}
		return a.newRefreshToken(ctx, s.UserID, s.ID, &token.ID)
	}
	active, err := a.activeToken(ctx, s.ID)
	if err != nil {
		return nil, err
	}
	switch {
	case active != nil && active.Parent != nil && *active.Parent == token.ID:
		return &grant{UserID: s.UserID, SessionID: s.ID, RefreshID: active.ID}, nil
	case *token.FirstUsedTime+float64(reuseWindow.Milliseconds()) > now:
		return a.newRefreshToken(ctx, s.UserID, s.ID, &token.ID)
	default:
		a.config.Logger.WarnContext(ctx, "refresh token used again", "session", s.ID)
		return nil, a.invalidate(ctx, token, now-float64(reuseWindow.Milliseconds()))
	}
}

// activeToken returns the newest unused token of a session, or nil.
func (a *Auth) activeToken(ctx *function.MutationCtx, s sessionID) (*refreshToken, error) {
	all, err := refreshTokens.Query(ctx.DB, "sessionId", s).Desc().All(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range all {
		if t.FirstUsedTime == nil {
			return &t, nil
		}
	}
	return nil, nil
}

// invalidate marks a token and all that came from it as used long ago.
func (a *Auth) invalidate(ctx *function.MutationCtx, token *refreshToken, used float64) error {
	for open := []refreshID{token.ID}; len(open) > 0; {
		id := open[0]
		open = open[1:]
		if err := refreshTokens.Patch(ctx, ctx.DB, id, value.Object{"firstUsedTime": used}); err != nil {
			return err
		}
		children, err := refreshTokens.Query(ctx.DB, "sessionIdAndParentRefreshTokenId", token.SessionID, id).All(ctx)
		if err != nil {
			return err
		}
		for _, c := range children {
			open = append(open, c.ID)
		}
	}
	return nil
}

// redact keeps enough of a secret to recognise it in a log.
func redact(s string) string {
	const keep = 8
	if len(s) <= keep {
		return strings.Repeat("*", len(s))
	}
	return s[:keep/2] + "…"
}
