// SPDX-License-Identifier: Apache-2.0
#include "steepest/termination.hpp"

namespace steepest {

bool Termination::converged() const {
  return reason == Reason::gradient || reason == Reason::loss || reason == Reason::step ||
         reason == Reason::gap;
}

std::string_view name(Reason reason) {
  switch (reason) {
    case Reason::running:
      return "running";
    case Reason::gradient:
      return "gradient";
    case Reason::loss:
      return "loss";
    case Reason::step:
      return "step";
    case Reason::epochs:
      return "epochs";
    case Reason::seconds:
      return "seconds";
    case Reason::diverged:
      return "diverged";
    case Reason::interrupted:
      return "interrupted";
    case Reason::gap:
      return "gap";
    case Reason::rounding:
      return "rounding";
    case Reason::separable:
      return "separable";
    case Reason::validation:
      return "validation";
  }
  return "running";
}

}  // namespace steepest
