# PowerShell completion for quarry
Register-ArgumentCompleter -Native -CommandName quarry, quarry.exe -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    # $wordToComplete is wrong behind dashes: the words are taken from the line.
    $line = $commandAst.Extent.Text
    $typed = $line.Substring(0, [Math]::Min($line.Length, $cursorPosition - $commandAst.Extent.StartOffset))
    $program, $words = -split $typed
    if ($cursorPosition - $commandAst.Extent.StartOffset -gt $typed.Length) {
        $words = @($words) + '""' # a bare empty argument gets lost on its way
    }
    & $program complete-words @words 2>$null | ForEach-Object {
        $word, $about = $_ -split "`t", 2
        if (-not $about) { $about = $word }
        [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $about)
    }
}
