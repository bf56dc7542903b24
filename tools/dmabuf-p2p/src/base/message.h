/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <stdbool.h>

/**
 * complain - say what is wrong and what to do about it, on stderr
 * @what: which device, file or argument it is about; NULL if none
 * @remedy: what to do, one sentence; NULL if there is nothing to be done
 * @fmt: the cause, without newline
 *
 * Prints "dmabuf-p2p VERB: WHAT: CAUSE", and the remedy on a line of its own.
 */
void complain(const char *what, const char *remedy, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * as_root - what to do about a missing permission
 * @remedy: for users who could do it as root
 *
 * Return: @remedy or, for root, what else it may be.
 */
const char *as_root(const char *remedy);

/** message_set_verb - whose messages these are; NULL before the verb is known */
void message_set_verb(const char *verb);

enum colours { COLOURS_AUTO, COLOURS_ALWAYS, COLOURS_NEVER };

/** message_colours - what the user wants of colours */
void message_colours(enum colours wanted);

/**
 * colours_on - may @fd (1 or 2) be coloured?
 *
 * If the user leaves it to the program: a terminal that can, and no NO_COLOR.
 */
bool colours_on(int fd);

#endif /* MESSAGE_H */
