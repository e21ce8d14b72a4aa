package modeltest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// serveModels answers questions about models: the list, or one by its id.
// They are no turns of a conversation, so they are not among Requests.
func (s *Server) serveModels(w http.ResponseWriter, r *http.Request, id string) {
	if ref := s.checkHeaders(r); ref != nil {
		writeError(w, 0, ref.status, errorType(ref.status), ref.message)
		return
	}
	if id == "" {
		list := []any{}
		for known := range s.models {
			list = append(list, describe(known))
		}
		writeJSON(w, map[string]any{"data": list, "has_more": false, "first_id": nil, "last_id": nil})
		return
	}
	if len(s.models) > 0 && !s.models[id] {
		writeError(w, 0, http.StatusNotFound, "not_found_error", fmt.Sprintf("model: %s", id))
		return
	}
	writeJSON(w, describe(id))
}

func describe(id string) map[string]any {
	return map[string]any{"type": "model", "id": id, "display_name": id, "created_at": "2026-01-01T00:00:00Z"}
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("content-type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}

// modelsPath returns the id in a path about models, "" for the list.
func modelsPath(path string) (id string, ok bool) {
	_, rest, ok := strings.Cut(path, "/v1/models")
	return strings.TrimPrefix(rest, "/"), ok
}
