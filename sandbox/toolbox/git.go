//go:build linux

package toolbox

func (s *Server) gitRoutes() {}
