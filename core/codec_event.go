package core

// event visits the fields of an event, in the order of its encoding.
func (w *fieldWalk) event(ev *Event) {
	in := w.visit
	each(w, in&fService, &ev.Service)
	each(w, in&fGeneration, &ev.Generation)
	each(w, in&fRequest, &ev.Request)
	each(w, in&fPID, &ev.PID)
	each(w, in&fStatus, &ev.Status)
	each(w, in&fSignal, &ev.Signal)
	each(w, in&fListener, &ev.Listener)
	each(w, in&fStep, &ev.ListenStep)
	each(w, in&fStart, &ev.StartStep)
	each(w, in&fErrno, &ev.Errno)
	w.status(in&fBytes, &ev.Bytes, &ev.N)
	w.config(in&fConfig, &ev.Config)
}

// AppendEvent appends the event to dst: its kind and the fields that the kind
// uses. The event is not changed.
func (r *References) AppendEvent(dst []byte, ev *Event) []byte {
	var w fieldWalk
	w.b, w.refs, w.dense = dst, r, true
	w.kindAndEvent(ev)
	return w.b
}

// ReadEvent decodes one event from b. An accepted event encodes to the same
// bytes again.
func (r *References) ReadEvent(b []byte) (ev Event, rest []byte, err error) {
	var w fieldWalk
	w.b, w.reading, w.refs, w.dense = b, true, r, true
	w.kindAndEvent(&ev)
	return ev, w.b, w.err
}

func (w *fieldWalk) kindAndEvent(ev *Event) {
	number(&w.codec, &ev.Kind)
	if !ev.Kind.known() {
		if w.reading {
			w.fail()
		}
		return
	}
	w.visit = eventFields[ev.Kind]
	w.event(ev)
}

func (k EventKind) known() bool { return k != EventNone && k < numEventKinds }

// wellFormed reports whether an event uses only the fields of its kind.
func (ev *Event) wellFormed() bool {
	if !ev.Kind.known() {
		return false
	}
	w := fieldWalk{task: taskFind, visit: allFields &^ eventFields[ev.Kind]}
	w.event(ev)
	return w.met == 0
}

// AppendText appends the event to dst as one line of a trace, without a newline:
// the kind, then the fields that the kind uses.
func (ev *Event) AppendText(dst []byte) []byte {
	w := fieldWalk{codec: codec{b: append(dst, ev.Kind.String()...)}, task: taskTell, dense: true}
	if !ev.Kind.known() {
		return w.b
	}
	for _, f := range fieldNames {
		if w.visit, w.name = f.field&eventFields[ev.Kind], f.name; w.visit != 0 {
			w.event(ev)
		}
	}
	return w.b
}

// Hash adds the event to a hash. Of a configuration only the number of services counts.
func (ev *Event) Hash(h uint64) uint64 {
	w := fieldWalk{task: taskHash, visit: allFields, hash: mix(h, uint64(ev.Kind))}
	w.event(ev)
	return w.hash
}
