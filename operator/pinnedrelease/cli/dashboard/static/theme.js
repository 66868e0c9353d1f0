// Runs before the first paint, so that nobody who has chosen dark sees a white flash.
"use strict";

const THEME_KEY = "pinrel-theme";

function storedTheme() {
  try {
    return localStorage.getItem(THEME_KEY);
  } catch {
    return null;
  }
}

function shownTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  return document.documentElement.dataset.theme || (dark ? "dark" : "light");
}

function labelThemeButton(button) {
  button.textContent = shownTheme() === "dark" ? "Light" : "Dark";
  button.title = `Switch to the ${button.textContent.toLowerCase()} colours`;
}

if (storedTheme()) document.documentElement.dataset.theme = storedTheme();

document.addEventListener("DOMContentLoaded", () => {
  const button = document.getElementById("theme");
  labelThemeButton(button);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => labelThemeButton(button));
  button.addEventListener("click", () => {
    const wanted = shownTheme() === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = wanted;
    try {
      localStorage.setItem(THEME_KEY, wanted);
    } catch {
      // A browser that stores nothing forgets the choice; that is its owner's wish.
    }
    labelThemeButton(button);
  });
});
