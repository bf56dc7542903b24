/* SPDX-License-Identifier: MIT */
#ifndef ARRAY_H
#define ARRAY_H

/* IGT has the same, word for word: either header may come first */
#ifndef ARRAY_SIZE
#define ARRAY_SIZE(arr) (sizeof(arr) / sizeof(arr[0]))
#endif

#endif
