#include "go_asm.h"
#include "textflag.h"

// What follows the clone runs in the child as well, and at the same time: it keeps
// everything in registers, as the stack is the parent's.

// func launch(c *cloneArgs, size uintptr, calls *call, n uintptr) (pid int)
TEXT ·launch(SB), NOSPLIT, $0-40
	MOVQ	c+0(FP), DI
	MOVQ	size+8(FP), SI
	MOVQ	calls+16(FP), R12
	MOVQ	n+24(FP), R13
	MOVQ	$435, AX	// clone3
	SYSCALL
	TESTQ	AX, AX
	JNE	parent

next:
	MOVQ	call_number(R12), AX
	MOVQ	(call_args+0)(R12), DI
	MOVQ	(call_args+8)(R12), SI
	MOVQ	(call_args+16)(R12), DX
	MOVQ	(call_args+24)(R12), R10
	MOVQ	(call_args+32)(R12), R8
	MOVQ	(call_args+40)(R12), R9
	SYSCALL
	MOVQ	AX, call_result(R12)
	TESTQ	AX, AX
	JGE	more
	CMPQ	AX, $-8	// ENOEXEC
	JNE	failed
	CMPQ	R13, $2
	JNE	failed

more:
	ADDQ	$call__size, R12
	DECQ	R13
	JNE	next

failed:
	MOVQ	$127, DI
	MOVQ	$231, AX	// exit_group
	SYSCALL
	JMP	failed

parent:
	MOVQ	AX, pid+32(FP)
	RET
