// SPDX-License-Identifier: Apache-2.0
// Columns that others already say: copies, multiples, sums.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace steepest::data {

/// A column that is `offset` + sum of factors times other columns, but for a share of its variance.
struct ColumnRelation {
  std::int64_t column = 0;
  std::vector<std::int64_t> of;
  std::vector<double> factors;
  double offset = 0.0;
  double tolerance = 1e-6;  ///< that share
};

/// Finds relations in some rows, and holds them against all.
class ColumnRelations {
 public:
  /// Looks at `rows` rows of `columns` values, row-major, for columns that follow from others to
  /// 1e-7 of their variance; columns that hold a NaN or do not vary are left out. Names at most 50,
  /// each of at most 12 columns.
  ///
  /// Complexity: rows * columns^2 / 2 + columns^3 / 3. Only with at least columns + 3 rows; with
  /// fewer, copies alone are looked for, at columns * rows.
  ColumnRelations(const std::vector<double>& values, std::int64_t rows, std::int64_t columns);

  /// Holds another relation against the rows that check() sees.
  void add(ColumnRelation relation);

  [[nodiscard]] bool any() const { return !held_.empty(); }

  /// A row, one of those looked at or another; relations with a NaN in it pass over it.
  void check(const double* row);

  /// Those that hold in the rows checked.
  [[nodiscard]] std::vector<ColumnRelation> holding() const;

  /// Whether the column of such a relation was equal to another one in every row checked.
  [[nodiscard]] bool is_copy(const ColumnRelation& relation) const;

 private:
  struct Held {
    ColumnRelation relation;
    double origin = 0.0;  // of the column, which squares are summed around
    double sum = 0.0;
    double squares = 0.0;
    double residual = 0.0;
    double rows = 0.0;
    bool copy = false;
  };

  void find_copies(const std::vector<double>& values, std::int64_t rows, std::int64_t columns);
  void find_dependent(const std::vector<double>& values, std::int64_t rows, std::int64_t columns);

  std::vector<Held> held_;
};

/// One sentence for all of them; empty for none. `names` are those of the columns; where some come
/// from one column of a file, as the levels of a categorical one do, `sources` are the names there,
/// which the advice needs: empty where they are the same.
[[nodiscard]] std::string describe(const ColumnRelations& relations,
                                   const std::vector<std::string>& names,
                                   const std::vector<std::string>& sources = {});

}  // namespace steepest::data
