/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_SCALE_H
#define BENCH_SCALE_H

/* Each of these is a curve, or a few */
void scale_ranges(void);
void scale_sizes(void);
void scale_importers(void);
void scale_buffers(void);
void scale_cpus(void);

#endif /* BENCH_SCALE_H */
