/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the VMM and the program in the guest have agreed on
 */
#ifndef VMM_PORT_H
#define VMM_PORT_H

/* A byte of a line in either direction; 0 is none */
#define COMMAND_PORT 0x500

/* The devices, by their addresses in the guest: see assigned_add() */
#define GUEST_DISK "0000:00:01.0"
#define GUEST_CMB "0000:00:02.0"

/* Where the guest writes to the disk: words that say where they are. It reads elsewhere. */
#define WRITTEN_AT (33u << 20)
#define WRITTEN_SIZE (1u << 20)
#define WRITTEN_WORD(offset) (0x6775e57000000000ull + (offset))

#endif /* VMM_PORT_H */
