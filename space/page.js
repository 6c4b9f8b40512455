// The before/after switch keeps the place in the film; the playhead runs over the plan; a click on the plan seeks.
(() => {
  const PLAYERS = ["video", "after", "before"];
  const video = (id) => document.querySelector(`#${id} video`);
  const shown = () => video(document.body.dataset.sound === "before" ? "before" : "after");

  const putPosters = () => {
    const poster = document.querySelector(".bgm")?.dataset.poster ?? "";
    for (const player of PLAYERS.map(video)) {
      if (player && player.getAttribute("poster") !== poster) player.setAttribute("poster", poster);
    }
  };

  window.diffbgm = {
    swap(which) {
      const next = which === "Before" ? "before" : "after";
      const from = shown();
      document.body.dataset.sound = next;
      const to = shown();
      if (!from || !to || from === to) return;
      to.currentTime = from.currentTime;
      if (!from.paused) to.play();
      from.pause();
    },
    toStatus() {
      putPosters();
      if (window.innerWidth < 700) document.querySelector("#status")?.scrollIntoView({ behavior: "smooth" });
    },
  };

  document.addEventListener("loadedmetadata", (event) => {
    putPosters();
    event.target.closest(".unplayable")?.classList.remove("unplayable");
  }, true);

  // Formats that a browser cannot show can be scored all the same; gradio would call that an error.
  document.addEventListener("error", (event) => {
    const player = event.target.closest?.(PLAYERS.map((id) => `#${id}`).join());
    if (!player || event.target.tagName !== "VIDEO") return;
    event.stopPropagation();
    player.classList.add("unplayable");
  }, true);

  document.addEventListener("timeupdate", (event) => {
    const lanes = document.querySelector(".bgm-lanes");
    if (!lanes || event.target !== shown()) return;
    lanes.style.setProperty("--at", `${(100 * event.target.currentTime) / Number(lanes.dataset.duration)}%`);
  }, true);

  document.addEventListener("click", (event) => {
    const track = event.target.closest?.(".bgm-track");
    const player = shown();
    if (!track || !player) return;
    const box = track.getBoundingClientRect();
    const lanes = track.closest(".bgm-lanes");
    player.currentTime = ((event.clientX - box.left) / box.width) * Number(lanes.dataset.duration);
  });
})();
