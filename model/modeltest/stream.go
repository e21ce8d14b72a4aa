package modeltest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// errGone ends a stream early: the client went, or the script wants a break.
var errGone = errors.New("modeltest: stream over")

// stream sends an answer as events.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, msg message, ans Answer) {
	w.Header().Set("content-type", "text/event-stream; charset=utf-8")
	w.Header().Set("request-id", msg.id)
	out := &events{w: w, r: r, ans: ans}
	err := out.play(msg)
	switch {
	case err == nil:
		s.settle(msg.usage)
	case ans.Fault != nil && ans.Fault.Kind == FaultCut:
		// The panic that net/http defines for this: the connection is closed
		// without the end of the body.
		panic(http.ErrAbortHandler)
	}
}

// events writes one stream and counts its deltas.
type events struct {
	w      http.ResponseWriter
	r      *http.Request
	ans    Answer
	deltas int
}

func (e *events) play(msg message) error {
	if err := e.pause(e.ans.FirstDelayMS); err != nil {
		return err
	}
	start := msg.usage
	start.OutputTokens = 1
	err := e.send("message_start", map[string]any{"message": map[string]any{
		"id": msg.id, "type": "message", "role": "assistant", "model": msg.model, "content": []any{},
		"stop_reason": nil, "stop_sequence": nil, "usage": start,
	}})
	if err != nil {
		return err
	}
	if err := e.send("ping", nil); err != nil {
		return err
	}
	for i, b := range msg.blocks {
		if err := e.block(i, b); err != nil {
			return err
		}
	}
	if err := e.fault(true); err != nil {
		return err
	}
	err = e.send("message_delta", map[string]any{
		"delta": map[string]any{"stop_reason": e.ans.stopReason(), "stop_sequence": nil}, "usage": msg.usage,
	})
	if err != nil {
		return err
	}
	return e.send("message_stop", nil)
}

func (e *events) block(i int, b Block) error {
	start, key, text := map[string]any{"type": "text", "text": ""}, "text", b.Text
	kind := "text_delta"
	switch {
	case b.Tool != "":
		start = map[string]any{"type": "tool_use", "id": b.ID, "name": b.Tool, "input": map[string]any{}}
		kind, key, text = "input_json_delta", "partial_json", b.inputJSON()
	case b.Thinking != "":
		start = map[string]any{"type": "thinking", "thinking": "", "signature": ""}
		kind, key, text = "thinking_delta", "thinking", b.Thinking
	}
	if err := e.send("content_block_start", map[string]any{"index": i, "content_block": start}); err != nil {
		return err
	}
	for _, piece := range chunks(text, e.ans.ChunkBytes) {
		if err := e.fault(false); err != nil {
			return err
		}
		if err := e.pause(e.ans.DelayMS); err != nil {
			return err
		}
		if err := e.send("content_block_delta", map[string]any{"index": i, "delta": map[string]any{"type": kind, key: piece}}); err != nil {
			return err
		}
		e.deltas++
	}
	if b.Thinking != "" {
		err := e.send("content_block_delta", map[string]any{"index": i, "delta": map[string]any{"type": "signature_delta", "signature": sign(b.Thinking)}})
		if err != nil {
			return err
		}
	}
	return e.send("content_block_stop", map[string]any{"index": i})
}

// fault breaks the stream where the script says so.
func (e *events) fault(end bool) error {
	if e.ans.Wait != nil && (e.deltas == e.ans.WaitAfter || end) {
		select {
		case <-e.ans.Wait:
		case <-e.r.Context().Done():
			return errGone
		}
	}
	f := e.ans.Fault
	if f == nil {
		return nil
	}
	due := end || (f.AfterDeltas > 0 && e.deltas >= f.AfterDeltas)
	if !due {
		return nil
	}
	switch f.Kind {
	case FaultCut:
		return errGone
	case FaultNoStop:
		if end {
			return errGone
		}
		return nil
	case FaultSSEError:
		kind, text := f.Type, f.Message
		if kind == "" {
			kind, text = "overloaded_error", "Overloaded"
		}
		if err := e.send("error", map[string]any{"error": map[string]string{"type": kind, "message": text}}); err != nil {
			return err
		}
		return errGone
	case FaultStall:
		<-e.r.Context().Done()
		return errGone
	}
	return nil
}

func (e *events) pause(ms int) error {
	if ms <= 0 {
		return nil
	}
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
		return nil
	case <-e.r.Context().Done():
		return errGone
	}
}

func (e *events) send(kind string, fields map[string]any) error {
	data := map[string]any{"type": kind}
	for k, v := range fields {
		data[k] = v
	}
	raw, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode %s: %w", kind, err)
	}
	if _, err := fmt.Fprintf(e.w, "event: %s\ndata: %s\n\n", kind, raw); err != nil {
		return errGone
	}
	if err := http.NewResponseController(e.w).Flush(); err != nil {
		return errGone
	}
	return nil
}
