/* SPDX-License-Identifier: MIT */
#ifndef NODE_H
#define NODE_H

/** phys_node - /dev/dma_buf_phys; Return: to be closed, or -errno */
int phys_node(void) __attribute__((visibility("hidden")));

#endif /* NODE_H */
