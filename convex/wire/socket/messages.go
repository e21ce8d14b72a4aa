package socket

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/live"
	"surgent.dev/surgent/convex/wire"
)

// message is any message of a client; which fields count depends on Type.
type message struct {
	Type string `json:"type"`

	// Connect
	SessionID            string  `json:"sessionId"`
	ConnectionCount      float64 `json:"connectionCount"`
	LastCloseReason      *string `json:"lastCloseReason"`
	MaxObservedTimestamp *string `json:"maxObservedTimestamp"`

	// Authenticate, ModifyQuerySet
	BaseVersion   uint32         `json:"baseVersion"`
	NewVersion    uint32         `json:"newVersion"`
	TokenType     string         `json:"tokenType"`
	Value         string         `json:"value"`
	Modifications []modification `json:"modifications"`

	// Mutation, Action
	RequestID     uint32          `json:"requestId"`
	UDFPath       string          `json:"udfPath"`
	Args          json.RawMessage `json:"args"`
	ComponentPath string          `json:"componentPath"`
}

type modification struct {
	Type          string          `json:"type"`
	QueryID       uint32          `json:"queryId"`
	UDFPath       string          `json:"udfPath"`
	Args          json.RawMessage `json:"args"`
	Journal       *string         `json:"journal"`
	ComponentPath string          `json:"componentPath"`
}

func parseMessage(data []byte) (*message, error) {
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("message is not valid JSON: %w", err)
	}
	return &m, nil
}

// querySet splits modifications into what live wants.
func (m *message) querySet() (add []live.Query, remove []uint32, err error) {
	for _, mod := range m.Modifications {
		switch mod.Type {
		case "Add":
			p, err := parseTarget(mod.UDFPath, mod.ComponentPath)
			if err != nil {
				return nil, nil, err
			}
			add = append(add, live.Query{ID: mod.QueryID, Path: p, Args: wire.ParseArgs(mod.Args), Journal: live.ParseJournal(mod.Journal)})
		case "Remove":
			remove = append(remove, mod.QueryID)
		default:
			return nil, nil, fmt.Errorf("unknown modification %q", mod.Type)
		}
	}
	return add, remove, nil
}

func parseTarget(path, component string) (function.Path, error) {
	if component != "" {
		return function.Path{}, fmt.Errorf("there is no component %q", component)
	}
	return function.ParsePath(path)
}

// The frames of the server. They are written by hand around values that are
// encoded already.

func appendString(b []byte, s string) []byte {
	q, err := json.Marshal(s)
	if err != nil {
		return append(b, `""`...) // strings always encode
	}
	return append(b, q...)
}

func appendVersion(b []byte, v live.Version) []byte {
	b = append(b, `{"querySet":`...)
	b = strconv.AppendUint(b, uint64(v.QuerySet), 10)
	b = append(b, `,"identity":`...)
	b = strconv.AppendUint(b, uint64(v.Identity), 10)
	b = append(b, `,"ts":"`...)
	b = append(b, wire.FormatTimestamp(v.Timestamp)...)
	return append(b, `"}`...)
}

// encodeTransition returns a Transition. Lists are never null: clients iterate
// over them unasked.
func encodeTransition(t *live.Transition) []byte {
	b := []byte(`{"type":"Transition","startVersion":`)
	b = appendVersion(b, t.Start)
	b = append(b, `,"endVersion":`...)
	b = appendVersion(b, t.End)
	b = append(b, `,"modifications":[`...)
	for i, u := range t.Updates {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendUpdate(b, u)
	}
	return append(b, `]}`...)
}

func appendUpdate(b []byte, u live.Update) []byte {
	id := strconv.FormatUint(uint64(u.QueryID), 10)
	if u.Result == nil {
		return append(b, `{"type":"QueryRemoved","queryId":`+id+`}`...)
	}
	if f := u.Result.Failure; f != nil {
		b = append(b, `{"type":"QueryFailed","queryId":`+id+`,"errorMessage":`...)
		b = appendString(b, f.Message)
		if f.Data != nil {
			b = append(b, `,"errorData":`...)
			b = append(b, f.Data...)
		}
	} else {
		b = append(b, `{"type":"QueryUpdated","queryId":`+id+`,"value":`...)
		b = append(b, u.Result.Value...)
	}
	b = append(b, `,"logLines":[],"journal":`...)
	if j := live.JournalText(u.Result.Journal); j != nil {
		b = appendString(b, *j)
	} else {
		b = append(b, "null"...)
	}
	return append(b, '}')
}

// encodeResponse returns a MutationResponse or an ActionResponse.
func encodeResponse(kind string, requestID uint32, res function.Result) []byte {
	b := append([]byte(`{"type":"`), kind...)
	b = append(b, `","requestId":`...)
	b = strconv.AppendUint(b, uint64(requestID), 10)
	if f := res.Failure; f != nil {
		b = append(b, `,"success":false,"result":`...)
		b = appendString(b, f.Message)
		if f.Data != nil {
			b = append(b, `,"errorData":`...)
			b = append(b, f.Data...)
		}
	} else {
		b = append(b, `,"success":true,"result":`...)
		b = append(b, res.Value...)
	}
	if kind == mutationResponse {
		b = append(b, `,"ts":`...)
		if res.Failure == nil {
			b = appendString(b, wire.FormatTimestamp(res.Timestamp))
		} else {
			b = append(b, "null"...)
		}
	}
	return append(b, `,"logLines":[]}`...)
}

const (
	mutationResponse = "MutationResponse"
	actionResponse   = "ActionResponse"
)

var pingFrame = []byte(`{"type":"Ping"}`)

func encodeFatalError(text string) []byte {
	return append(appendString([]byte(`{"type":"FatalError","error":`), text), '}')
}

func encodeAuthError(text string, base uint32, attempted bool) []byte {
	b := appendString([]byte(`{"type":"AuthError","error":`), text)
	b = append(b, `,"baseVersion":`...)
	b = strconv.AppendUint(b, uint64(base), 10)
	b = append(b, `,"authUpdateAttempted":`...)
	b = strconv.AppendBool(b, attempted)
	return append(b, '}')
}

// chunk splits a frame into TransitionChunks of at most size bytes of its text,
// cut between characters.
func chunk(frame []byte, size int, id string) [][]byte {
	var parts [][]byte
	for rest := frame; len(rest) > 0; {
		n := min(size, len(rest))
		for n > 0 && n < len(rest) && !utf8.RuneStart(rest[n]) {
			n--
		}
		if n == 0 {
			n = len(rest) // no character starts in size bytes: not UTF-8, send it whole
		}
		parts = append(parts, rest[:n])
		rest = rest[n:]
	}
	frames := make([][]byte, len(parts))
	for i, p := range parts {
		b := appendString([]byte(`{"type":"TransitionChunk","chunk":`), string(p))
		b = append(b, `,"partNumber":`...)
		b = strconv.AppendInt(b, int64(i), 10)
		b = append(b, `,"totalParts":`...)
		b = strconv.AppendInt(b, int64(len(parts)), 10)
		b = append(b, `,"transitionId":`...)
		frames[i] = append(appendString(b, id), '}')
	}
	return slices.Clip(frames)
}
