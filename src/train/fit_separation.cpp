// SPDX-License-Identifier: Apache-2.0
#include "src/train/fit_separation.hpp"

#include <fmt/format.h>

#include "src/train/separation.hpp"

namespace steepest::train {

bool may_be_separable(const FitState& fit) {
  return classifies(fit.plan.loss) && fit.plan.l2 == 0.0 && !fit.plan.proximal &&
         fit.options.label_smoothing == 0.0;
}

void note_separation(FitState& fit, const std::string& separating_feature) {
  const Reason reason = fit.result.termination.reason;
  if (!may_be_separable(fit) || reason == Reason::diverged) {
    return;
  }
  std::string sentence;
  constexpr double all = 1.0 - 1e-9;
  const double margin = fit.result.softmax->accuracy > all
                            ? smallest_margin(*fit.backend, *fit.data, fit.rows, fit.plan.columns)
                            : 0.0;
  if (margin > 0.0) {
    sentence = fmt::format(
        "the classes are separated (smallest margin {:.3g} > 0): the loss tends to 0 as the "
        "coefficients grow, so there is no finite optimum; --l2 X gives one",
        margin);
    fit.result.gap_bound = fit.result.at.objective();  // what it tends to is 0
    fit.result.gap_note.clear();
  } else if (!separating_feature.empty()) {
    sentence = separating_feature +
               ": its coefficients grow without end, so there is no finite optimum; --l2 X gives "
               "one";
    fit.result.gap_note = "there is no finite optimum: add --l2 X";
  } else {
    return;
  }
  fit.result.warnings.push_back(sentence);
  if (fit.result.termination.converged() || reason == Reason::rounding) {
    fit.result.termination = {Reason::separable, sentence};
    fit.result.model.termination = name(Reason::separable);
    fit.result.model.inequality = sentence;
    fit.result.model.converged = false;
  }
}

}  // namespace steepest::train
