/* SPDX-License-Identifier: MIT */
/*
 * Where things are in a guest's first MiB
 */
#ifndef LIB_KVM_LAYOUT_H
#define LIB_KVM_LAYOUT_H

#define RAM_TOP_TABLE 0x1000
#define RAM_TABLE 0x2000
#define RAM_CODE 0x3000

/* Of each vCPU, one page each */
#define RAM_MAILBOX(index) (0x10000u + (index) * 0x2000u)
#define RAM_PAGE(index) (RAM_MAILBOX(index) + 0x1000u)

#endif /* LIB_KVM_LAYOUT_H */
