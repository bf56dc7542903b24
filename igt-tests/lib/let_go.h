/* SPDX-License-Identifier: MIT */
#ifndef LIB_LET_GO_H
#define LIB_LET_GO_H

void let_go(void);

#endif /* LIB_LET_GO_H */
