// SPDX-License-Identifier: Apache-2.0
// Takes the counting noise out of one object's touches, so that the planner plans heat, not luck.
// Between the counts of a session and the heat map. Thread-safe; allocates.
//
// Window counts of a block of rate r over the same windows are Poisson (or less spread, when a
// scan passes at regular times). Method, on a run of blocks with mean m and sample variance s2:
//  1. Dispersion test: when s2/m <= 1.5, or below the 90 % point of chi-square(n-1)/(n-1) for a
//     short run (R. A. Fisher, "Statistical Methods for Research Workers", index of dispersion;
//     the quantile by Wilson and Hilferty, 1931), the run has one rate: each block gets m.
//     Unless a stretch of it is cold beyond doubt: a small part moves the variance little (33 cold
//     blocks of 558 pass the test at a mean of 13), so the coldest stretch is looked for, and taken
//     out when its mean would be too low even as one single count. The bar is that high because a
//     scan's neighbours are seen and missed by the same windows.
//  2. Otherwise the run is cut where the Poisson log-likelihood of two means gains most (binary
//     segmentation, Scott and Knott, Biometrics 30, 1974) and both parts go to 1.
//  3. A run that no cut explains is left block by block, drawn toward its mean by the Gamma-Poisson
//     conjugate (empirical Bayes, Robbins 1956): prior variance v = s2 - m, posterior mean
//     (m*m/v + c) / (m/v + 1). It keeps the run's total.
#pragma once

#include <vector>

namespace terrace::heat {

/// Expected counts for observed counts over equal exposures, in the order of the blocks. The sum
/// is kept. O(n log n) as a rule.
std::vector<double> smooth_counts(const std::vector<double>& counts);

}  // namespace terrace::heat
