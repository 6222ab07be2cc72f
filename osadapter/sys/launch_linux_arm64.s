#include "go_asm.h"
#include "textflag.h"

// What follows the clone runs in the child as well, and at the same time: it keeps
// everything in registers, as the stack is the parent's.

// func launch(c *cloneArgs, size uintptr, calls *call, n uintptr) (pid int)
TEXT ·launch(SB), NOSPLIT|NOFRAME, $0-40
	MOVD	c+0(FP), R0
	MOVD	size+8(FP), R1
	MOVD	calls+16(FP), R20
	MOVD	n+24(FP), R21
	MOVD	$435, R8	// clone3
	SVC
	CBNZ	R0, parent

next:
	MOVD	call_number(R20), R8
	MOVD	(call_args+0)(R20), R0
	MOVD	(call_args+8)(R20), R1
	MOVD	(call_args+16)(R20), R2
	MOVD	(call_args+24)(R20), R3
	MOVD	(call_args+32)(R20), R4
	MOVD	(call_args+40)(R20), R5
	SVC
	MOVD	R0, call_result(R20)
	TBZ	$63, R0, more
	CMN	$8, R0	// ENOEXEC
	BNE	failed
	CMP	$2, R21
	BNE	failed

more:
	ADD	$call__size, R20
	SUB	$1, R21
	CBNZ	R21, next

failed:
	MOVD	$127, R0
	MOVD	$94, R8	// exit_group
	SVC
	B	failed

parent:
	MOVD	R0, pid+32(FP)
	RET
